"""How the parts of the node are set up: their words and files. Pure."""

import base64
import ipaddress
from collections.abc import Iterator, Sequence
from pathlib import Path

NODE = "node"

#: Addresses inside of the node's network namespace.
PODS, SERVICES, DNS = "10.244.0.0/24", "10.96.0.0/16", "10.96.0.10"

ETCD_PORT, API_PORT = 2379, 6443

PAUSE = "registry.example/pause:1"

#: Where the node has the runtime of the RuntimeClass.
RUNTIME = "/usr/local/bin/pyinit-runtime"

#: Of the node: what untouched images get from the RuntimeClass.
RUNTIME_SETTINGS = "/etc/pyinit/runtime.conf"


def outside(address: str) -> str:
    """The machine's end of the link whose other end is the node's."""
    return str(ipaddress.ip_address(address) - 1)


def containerd_socket(folder: Path) -> Path:
    """Where containerd listens."""
    return folder / "containerd.sock"


def cgroup(folder: Path) -> str:
    """The group of all pods of a cluster, in each hierarchy."""
    return f"/{folder.name}"


def kubeconfig(address: str, authority: bytes, token: str) -> str:
    """For everybody who asks the API server."""
    data = base64.b64encode(authority).decode()
    return f"""\
apiVersion: v1
kind: Config
clusters:
- name: pyinit
  cluster: {{server: "https://{address}:{API_PORT}", certificate-authority-data: {data}}}
users:
- name: admin
  user: {{token: {token}}}
contexts:
- name: pyinit
  context: {{cluster: pyinit, user: admin}}
current-context: pyinit
"""


def files(folder: Path) -> dict[str, str]:
    """The files of all parts by their names: in the folder, or where the part insists on."""
    return {
        "containerd.toml": f"""\
version = 2
root = "{folder}/containerd"
state = "/run/containerd"
disabled_plugins = ["io.containerd.internal.v1.opt"]
[grpc]
  address = "{containerd_socket(folder)}"
[ttrpc]
  address = "/run/containerd/ttrpc.sock"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{PAUSE}"
  restrict_oom_score_adj = true # CAP_SYS_RESOURCE may be missing
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "/etc/cni/net.d"
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.pyinit]
    runtime_type = "io.containerd.runc.v2"
    pod_annotations = ["pyinit/*"]
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.pyinit.options]
      BinaryName = "{RUNTIME}"
""",
        "/etc/cni/net.d/10-bridge.conflist": f"""\
{{"cniVersion": "0.4.0", "name": "pods", "plugins": [
  {{"type": "bridge", "bridge": "cni0", "isGateway": true, "ipMasq": false, "hairpinMode": true,
    "ipam": {{"type": "host-local", "dataDir": "{folder}/ipam", "ranges": [[{{"subnet": "{PODS}"}}]],
             "routes": [{{"dst": "0.0.0.0/0"}}]}}}},
  {{"type": "portmap", "capabilities": {{"portMappings": true}}}}]}}
""",
        RUNTIME_SETTINGS: "PYINIT_PRE_STOP_DELAY=auto\nPYINIT_STOP_TIMEOUT=30\n",
        "kubelet.yaml": f"""\
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
authentication: {{anonymous: {{enabled: true}}, webhook: {{enabled: false}}}}
authorization: {{mode: AlwaysAllow}}
cgroupDriver: cgroupfs
cgroupRoot: {cgroup(folder)}
clusterDNS: ["{DNS}"]
clusterDomain: cluster.local
enforceNodeAllocatable: []
failSwapOn: false
oomScoreAdj: 0
containerLogMaxSize: 100Mi
imageGCHighThresholdPercent: 100 # there is no registry to have an image from again
imageGCLowThresholdPercent: 99
evictionHard: {{memory.available: 100Mi, nodefs.available: 1%, imagefs.available: 1%}}
maxPods: 200
registryPullQPS: 0
eventRecordQPS: 0
kubeAPIQPS: 100
kubeAPIBurst: 200
serializeImagePulls: false
""",
        "kube-proxy.yaml": f"""\
apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
clientConnection: {{kubeconfig: {folder}/kubeconfig}}
clusterCIDR: {PODS}
hostnameOverride: {NODE}
mode: iptables
oomScoreAdj: 0
conntrack: {{maxPerCore: 0, tcpEstablishedTimeout: 0s, tcpCloseWaitTimeout: 0s}} # the kernel's own: they are the machine's
""",
    }


def parts(folder: Path, address: str) -> Iterator[tuple[str, Sequence[str]]]:
    """The programs of the node, in the order of their start, and their words."""
    config = f"--kubeconfig={folder}/kubeconfig"
    etcd = f"http://127.0.0.1:{ETCD_PORT}"
    yield (
        "etcd",
        (
            f"--data-dir={folder}/etcd",
            f"--listen-client-urls={etcd}",
            f"--advertise-client-urls={etcd}",
            "--listen-peer-urls=http://127.0.0.1:2380",
            "--unsafe-no-fsync",
        ),
    )
    yield (
        "kube-apiserver",
        (
            f"--etcd-servers={etcd}",
            f"--advertise-address={address}",
            f"--secure-port={API_PORT}",
            f"--cert-dir={folder}/pki",
            f"--token-auth-file={folder}/pki/tokens.csv",
            f"--service-cluster-ip-range={SERVICES}",
            f"--service-account-key-file={folder}/pki/accounts.pub",
            f"--service-account-signing-key-file={folder}/pki/accounts.key",
            "--service-account-issuer=https://kubernetes.default.svc",
            "--authorization-mode=RBAC",
            "--allow-privileged=true",
            "--kubelet-preferred-address-types=InternalIP",
            "--event-ttl=2h",
        ),
    )
    yield (
        "kube-controller-manager",
        (
            config,
            f"--service-account-private-key-file={folder}/pki/accounts.key",
            f"--root-ca-file={folder}/pki/apiserver.crt",
            f"--cert-dir={folder}/pki",
            "--leader-elect=false",
            "--kube-api-qps=100",
            "--kube-api-burst=200",
        ),
    )
    yield "kube-scheduler", (config, "--leader-elect=false", f"--cert-dir={folder}/pki")
    yield "containerd", (f"--config={folder}/containerd.toml",)
    yield (
        "kubelet",
        (
            f"--config={folder}/kubelet.yaml",
            config,
            f"--root-dir={folder}/kubelet",
            f"--cert-dir={folder}/pki",
            "--container-runtime=remote",
            f"--container-runtime-endpoint=unix://{containerd_socket(folder)}",
            f"--hostname-override={NODE}",
            f"--node-ip={address}",
            f"--pod-infra-container-image={PAUSE}",
        ),
    )
    yield "kube-proxy", (f"--config={folder}/kube-proxy.yaml",)
