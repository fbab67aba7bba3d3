"""Images without an init under runc and under pyinit-runtime: `python -m tests.docker.untouched` prints one Markdown table."""

import tempfile
from pathlib import Path

from docker import DockerClient

from tests.docker.daemon import copy_image, daemon
from tests.docker.engine import Contained, engine, files_of, image

#: What runs an image, and what a person writes for it.
RUNTIMES = {"runc": "docker run", "pyinit": "docker run --runtime=pyinit"}

#: What the image has as its command.
FORMS = {
    "`start.sh`": None,
    "shell-form `CMD`": ["/bin/sh", "-c", "app; exit $?"],
}


def row(client: DockerClient, form: str, runtime: str) -> str:
    """Stop one of them, as `docker stop` does it, with its 10 s."""
    with Contained(client, "small", FORMS[form], runtime=runtime) as contained:
        contained.wait_for_output("app ready")
        seconds = contained.stop()
        status = contained.wait()
        finishes = "yes" if "app done" in contained.stdout else "no"
    return f"| {form} | `{RUNTIMES[runtime]}` | {finishes} | {status} | {seconds:.1f} s |"


def main() -> None:
    """Print the table."""
    with engine() as client, tempfile.TemporaryDirectory() as folder:
        binary = Path(folder) / "pyinit-runtime"
        binary.write_bytes(files_of(client, "pyinit")["pyinit"])
        binary.chmod(0o755)
        with daemon("--add-runtime", f"pyinit={binary}") as own:
            copy_image(client, own.client, image("small"))
            print("| image | run by | finishes | exit status | `docker stop` took |", "|---|---|---|---|---|", sep="\n")
            for form in FORMS:
                for runtime in RUNTIMES:
                    print(row(own.client, form, runtime))


if __name__ == "__main__":
    main()
