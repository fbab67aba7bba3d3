"""What a node's file and a pod's annotations say."""

import pytest

from pyinit.runtime import settings
from pyinit.runtime.settings import Settings
from pyinit.settings.config import UsageError
from pyinit.settings.options import all_options


def test_the_defaults_are_those_of_no_file() -> None:
    assert settings.read("") == Settings() == Settings("", "", "replace", "fail", {})


def test_a_file_sets_all_of_it() -> None:
    text = """
    # how containers are run here
    runtime = /usr/bin/crun
    binary=/opt/pyinit
    inits=leave
    on-failure=start
    PYINIT_PRE_STOP_DELAY=auto
    PYINIT_READY = exec:test -e /tmp/a=b
    """
    variables = {"PYINIT_PRE_STOP_DELAY": "auto", "PYINIT_READY": "exec:test -e /tmp/a=b"}
    assert settings.read(text) == Settings("/usr/bin/crun", "/opt/pyinit", "leave", "start", variables)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("\nnonsense", "line 2: 'nonsense' is no setting: write NAME=VALUE"),
        ("runtim=runc", "line 1: there is no setting 'runtim'; did you mean runtime?"),
        ("colour=red", "line 1: there is no setting 'colour'"),
        ("PYINIT_GRACE=1", "line 1: there is no setting 'PYINIT_GRACE'; did you mean PYINIT_GRACE_PERIOD?"),
        ("inits=keep", "line 1: inits is replace or leave, not 'keep'"),
        ("on-failure=", "line 1: on-failure is fail or start, not ''"),
        ("inits=leave\ninits=leave", "line 2: inits is set twice"),
        ("PYINIT_READY=a\nPYINIT_READY=b", "line 2: PYINIT_READY is set twice"),
    ],
)
def test_a_mistake_is_told_with_its_line(text: str, complaint: str) -> None:
    with pytest.raises(UsageError) as caught:
        settings.read(text)
    assert str(caught.value) == complaint


@pytest.mark.parametrize("text", ["runtime=crun", "nonsense\ninits=keep\n runtime = crun \n"])
def test_which_runtime_it_is_can_be_read_whatever_else_is_wrong(text: str) -> None:
    assert settings.runtime_alone(text) == Settings(runtime="crun")


def test_every_option_has_an_annotation() -> None:
    annotations = {"pyinit/" + option.flag[2:]: "x" for option in all_options()}
    assert settings.of_pod(annotations) == {option.variable: "x" for option in all_options()}


def test_annotations_of_others_do_not_count() -> None:
    assert settings.of_pod({"app": "shop", "pyinit.example/ready": "x", "pyinit/exclude": "*"}) == {}


def test_an_annotation_that_is_no_option_is_told() -> None:
    with pytest.raises(UsageError, match=r"pyinit/exlude: there is no option 'exlude'; did you mean pyinit/exclude\?"):
        settings.of_pod({"pyinit/exlude": "*"})
