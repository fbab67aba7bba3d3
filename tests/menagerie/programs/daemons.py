"""Daemons whose work is the work of others: jobs and sessions."""

from tests.menagerie import forms
from tests.menagerie.row import Packages, Program

TERM = ("TERM",)
JOB = "EVENTS=@EVENTS@ WORK=@WORK@ @PYTHON@ -IS @APPS@/once.py --job"
SSHD = """\
Port 8000
ListenAddress 127.0.0.1
HostKey @CACHE@/ssh/key
AuthorizedKeysFile @CACHE@/ssh/key.pub
StrictModes no
UsePAM no
PidFile none
"""
SSH = (
    "ssh -F none -i @CACHE@/ssh/key -p 8000 -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null"
    " -o BatchMode=yes root@127.0.0.1"
)

PROGRAMS = (
    Program(
        "cron",
        "cron -f -L 15",
        Packages(apt=("cron",)),
        ("cron",),
        "dpkg-query --show cron",
        {"crontabs/root": f"@reboot {JOB}\n"},
        before="mount -t tmpfs tmpfs /run; chmod 600 @DIR@/crontabs/root; mount --bind @DIR@/crontabs /var/spool/cron/crontabs",
        ready="^work started",
        forms={forms.EXEC: ("TERM", "INT"), forms.START_SH: TERM},
        limits="It leaves at once, and its jobs with it. pyinit tells those that are left and waits for them.",
        third=(forms.EXEC,),
    ),
    Program(
        "sshd",
        "/usr/sbin/sshd -D -e -f @DIR@/sshd_config",
        Packages(apt=("openssh-server", "openssh-client")),
        ("/usr/sbin/sshd", "ssh", "ssh-keygen"),
        "ssh -V",
        {"sshd_config": SSHD},
        once="rm -rf @CACHE@/ssh; mkdir -p @CACHE@/ssh; ssh-keygen -q -t ed25519 -N '' -f @CACHE@/ssh/key",
        before="mount -t tmpfs tmpfs /run; mkdir -p /run/sshd",
        port=8000,
        client=f"{SSH} '{JOB}'",
        finished="^work finished",
        forms={forms.EXEC: ("TERM", "INT"), forms.START_SH: TERM},
        limits="It leaves at once, and its sessions with it. pyinit tells those that are left and waits for them.",
        third=(forms.EXEC,),
    ),
)
