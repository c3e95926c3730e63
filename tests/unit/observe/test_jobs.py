"""What starts by the clock and names the daemon: read under a real shell, and judged."""

from __future__ import annotations

import subprocess
from importlib.resources import files
from pathlib import Path

import pytest

from remediations.systems.comet.jobs import Job, JobEffect, job_effect, parse_jobs
from remediations.values.lines import TextError

UNIT = "virtengine.service"
HOME = "/srv/node"
STATE = f"{HOME}/data/priv_validator_state.json"
STUBS = r"""
take() { taken=$("$@"); status=$?; }
not_read() { printf '%s\n' "$1" >&2; return 45; }
property() { value=virtengine; }
systemd() { case $* in *.timer) /bin/cat "$root/timers" ;; *) /bin/cat "$root/services" ;; esac; }
"""


class Clock:
    """A directory that has what a host starts by the clock."""

    def __init__(self, root: Path) -> None:
        self.root = root
        for name in ("etc/cron.d", "etc/cron.daily", "spool/cron/crontabs", "bin"):
            (root / name).mkdir(parents=True)
        self.timers: list[tuple[str, str, str]] = []
        self.services: dict[str, str] = {}

    def put(self, name: str, text: str, mode: int = 0o644) -> Path:
        path = self.root / name
        path.write_text(text)
        path.chmod(mode)
        return path

    def ask(self) -> subprocess.CompletedProcess[str]:
        self.put(
            "timers",
            "\n".join(f"Id={t}\nUnit={s}\nActiveState={a}\n" for t, s, a in self.timers),
        )
        self.put(
            "services",
            "\n".join(
                f"ExecStart={{ path=/x ; argv[]={line} ; ignore_errors=no }}\nId={service}\n"
                for service, line in self.services.items()
            ),
        )
        text = files("remediations.systems.comet").joinpath("jobs.sh").read_text()
        for place in ("/etc/", "/var/spool/"):
            text = text.replace(place, f"{self.root}/{place.strip('/').split('/')[-1]}/")
        run = (
            f"root={self.root} unit={UNIT} home={HOME} state_file={STATE} "
            f"remediate_daemon=virtengine as_owner=() many= PATH={self.root}/bin:$PATH\n"
            f"declare -A own_us runs\n{text}\n{STUBS}\ntimer_jobs && cron_jobs && script_jobs"
        )
        return subprocess.run(["bash", "-c", run], capture_output=True, text=True, timeout=20)

    @property
    def jobs(self) -> tuple[Job, ...]:
        done = self.ask()
        assert done.returncode == 0, done.stderr
        return parse_jobs(done.stdout)


@pytest.fixture
def clock(tmp_path: Path) -> Clock:
    """Nothing at all yet."""
    return Clock(tmp_path)


def effect(words: str) -> JobEffect:
    job = Job(kind="cron", job="/etc/crontab", file="/etc/crontab", number=1, words=words)
    return job_effect(job, unit=UNIT, home=HOME, sign_state=STATE)


def test_a_host_without_such_jobs_has_none(clock: Clock) -> None:
    """Jobs that are not about the daemon are nobody's business, and leave no word behind."""
    clock.timers = [("logrotate.timer", "logrotate.service", "active")]
    clock.services = {"logrotate.service": "/usr/sbin/logrotate /etc/logrotate.conf"}
    clock.put("etc/crontab", "SHELL=/bin/sh\n17 * * * * root run-parts /etc/cron.hourly\n")
    assert clock.jobs == ()


def test_a_timer_of_the_unit_and_one_that_names_it(clock: Clock) -> None:
    """One that nobody started is not active, and none."""
    clock.timers = [
        ("virtengine.timer", UNIT, "active"),
        ("watchdog.timer", "watchdog.service", "active"),
        ("off.timer", "off.service", "inactive"),
    ]
    clock.services = {"watchdog.service": "/bin/sh -c /bin/systemctl restart virtengine"}
    found = clock.jobs
    assert [(job.where, job.words) for job in found] == [
        ("virtengine.timer", "start virtengine.service"),
        ("watchdog.timer", "/bin/sh -… systemctl restart virtengine"),
    ]
    assert {effect(job.words) for job in found} == {JobEffect.CONTROLS}


def test_the_line_of_a_crontab_without_what_may_be_secret(clock: Clock) -> None:
    """A job that overwrites the sign state, with a password in the same line."""
    line = f"*/5 * * * * root PGPASSWORD=hunter2 curl -u me:hunter2 x && cp /root/s.json {STATE}"
    clock.put("etc/cron.d/backup", f"# {STATE}\n\n{line} -f 2>/dev/null\n")
    (job,) = clock.jobs
    assert job.where == f"{clock.root}/etc/cron.d/backup line 3"
    assert "hunter2" not in job.words
    assert job.words.endswith(f"cp /… {STATE} -… > /…")
    assert effect(job.words) is JobEffect.WRITES


def test_scripts_are_looked_into(clock: Clock) -> None:
    """Of a crontab, of cron.daily and of a timer: by file, line and who calls it."""
    script = f"#!/bin/sh\nset -e\n# cp x {STATE}\ntar -C {HOME} -xzf /backup/data.tgz\n"
    called = clock.put("bin/restore.sh", script, 0o755)
    clock.put("etc/cron.daily/state", f"#!/bin/sh\nmv /tmp/s {STATE}\n", 0o755)
    clock.put("etc/cron.daily/not-run", f"mv /tmp/s {STATE}\n")
    clock.put("spool/cron/crontabs/virtengine", f"@daily {called} >/dev/null\n")
    found = {job.where: effect(job.words) for job in clock.jobs}
    root = clock.root
    assert found == {
        f"{called} line 4, called by {root}/spool/cron/crontabs/virtengine": JobEffect.WRITES,
        f"{root}/etc/cron.daily/state line 2, called by {root}/etc/cron.daily": JobEffect.WRITES,
    }


def test_what_is_too_much_is_not_read(clock: Clock) -> None:
    """A crontab that is too large may say anything, and so may files that nobody looked into."""
    clock.put("etc/crontab", "# x\n" * 100_000)
    done = clock.ask()
    assert (done.returncode, done.stderr) == (45, f"{clock.root}/etc/crontab is too large\n")
    clock.put("etc/crontab", "".join(f"@daily root /opt/{n}.sh\n" for n in range(201)))
    done = clock.ask()
    assert (done.returncode, done.stderr) == (45, "jobs name more than 200 files\n")


@pytest.mark.parametrize("tool", ["find", "xargs", "cat"])
def test_what_was_cut_off_is_not_taken_for_nothing(clock: Clock, tool: str) -> None:
    """On a busy host the look into scripts runs into its limit: a job that restores a sign state
    may be in the rest."""
    clock.put("etc/cron.daily/state", f"#!/bin/sh\nmv /tmp/s {STATE}\n", 0o755)
    clock.put("etc/crontab", "@daily root true\n")
    clock.put(f"bin/{tool}", "#!/bin/sh\nexec sleep 20\n", 0o755)
    done = clock.ask()
    assert done.returncode == 45
    assert "read" in done.stderr


def test_a_line_that_is_too_long_is_in_doubt(clock: Clock) -> None:
    """Its rest may say anything."""
    clock.put("etc/crontab", f"* * * * * root cp {STATE} /b {'x' * 5000}\n")
    (job,) = clock.jobs
    assert effect(job.words) is JobEffect.HIDDEN


WRITES = (
    f"… root cp /… {STATE}",
    f"cp /… {STATE} -…",
    "cp /… priv_validator_state.json",
    f"rsync -… /… {HOME}/",
    f"… cat /… > {STATE}",
    f"jq … {STATE} > {STATE}",
    f"dd of = {STATE}",
    f"rm -… {HOME}/data/application.db",
    f"mv {STATE} /…",
    f"tar -… {HOME} -xzf /…",
    f"tar xf /… -… {HOME}/data",
    f"… true & & install -… 600 /… {HOME}/config/priv_validator_key.json",
)
RUNS = (
    f"… /usr/bin/virtengined start --home {HOME}",
    f"sudo virtengine rollback --home {HOME}",
    f"… = {HOME} cosmovisor run start",
)
HIDDEN = (
    f"/usr/local/bin/keep.sh {STATE}",
    f"… = {STATE}",
    f"cp {STATE} …",
    f"cp -t … {STATE}",
)
CONTROLS = (
    "systemctl restart virtengine.service",
    "service virtengine stop",
    "… pkill virtengined",
    "… pgrep virtengined | | systemctl start virtengine",
    "/usr/local/bin/watchdog virtengine.service",
)
NAMES = (
    f"cp {STATE} /…",
    f"cp {STATE} {STATE}.bak",
    f"tar czf /… -… {HOME} …",
    f"du -… {HOME}",
    f"virtengined status --home {HOME}",
    f"… {HOME}/logs -… -…",
    "… virtengined",
)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (words, expected)
        for expected, many in (
            (JobEffect.WRITES, WRITES),
            (JobEffect.RUNS, RUNS),
            (JobEffect.HIDDEN, HIDDEN),
            (JobEffect.CONTROLS, CONTROLS),
            (JobEffect.NAMES, NAMES),
        )
        for words in many
    ],
)
def test_what_a_line_does(words: str, expected: JobEffect) -> None:
    """By its last words, as its commands read them; what does not tell is not guessed."""
    assert effect(words) is expected


@pytest.mark.parametrize(
    "text",
    [
        "cron /a /a 1\n",
        "loop /a /a 1 x\n",
        "cron /a /a x cp\n",
        "cron /a /a`b 1 cp\n",
        "cron /a /a 1 cp\x1b[2J\n",
        "cron /a /a 1 cp\n" * 61,
    ],
)
def test_what_is_malformed_is_not_believed(text: str) -> None:
    """Nothing of it is a default."""
    with pytest.raises(TextError):
        parse_jobs(text)
