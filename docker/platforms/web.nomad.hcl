# A Nomad job: nomad job run docker/platforms/web.nomad.hcl
#
# Nomad takes the service out of its catalogue when it asks the task to stop, so the delay is pyinit's, and there is no
# shutdown_delay, which would be waited for before it. A client allows 30 s at most, unless its max_kill_timeout is raised. The image
# has ENTRYPOINT ["pyinit", "--"], so `args` is the command. There is no `init`, which would put docker-init before pyinit.
job "shop" {
  type = "service"

  update {
    max_parallel     = 1
    health_check     = "checks"
    min_healthy_time = "5s"
    healthy_deadline = "2m"
    auto_revert      = true
  }

  group "web" {
    count = 2

    network {
      port "http" {
        to = 8080
      }
      port "health" {
        to = 8081
      }
    }

    service {
      name     = "shop"
      provider = "nomad"
      port     = "http"

      check {
        type     = "http"
        port     = "health"
        path     = "/readyz"
        interval = "2s"
        timeout  = "2s"
      }
    }

    task "shop" {
      driver       = "docker"
      kill_signal  = "SIGTERM"
      kill_timeout = "30s" # the default is 5 s

      config {
        image = "registry.example/shop:1.0"
        args  = ["gunicorn", "--bind=0.0.0.0:8080", "--graceful-timeout=15", "shop:app"]
        ports = ["http", "health"]
      }

      env {
        PYINIT_READY          = "http://127.0.0.1:8080/healthz"
        PYINIT_START_TIMEOUT  = "60"
        PYINIT_HEALTH_LISTEN  = "8081"
        PYINIT_PRE_STOP_DELAY = "auto"
        PYINIT_PRE_STOP_MAX   = "10"
        PYINIT_STOP_TIMEOUT   = "30"
        PYINIT_GRACE_PERIOD   = "17"
      }
    }
  }
}
