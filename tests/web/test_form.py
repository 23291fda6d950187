"""The form: a task from nothing to its end, errors at their fields, crontab lines, edits."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from playwright.sync_api import Locator, Page, expect

from tests.system.service import Service

from .browsing import allow, open_page


def field(page: Page, label: str) -> Locator:
    return page.get_by_label(label, exact=True).first


def part(page: Page, title: str) -> Locator:
    """Return a part of the form, opened."""
    found = page.locator("details.edit-part", has=page.get_by_role("heading", name=title))
    if found.get_attribute("open") is None:
        found.locator("summary").click()
    return found


def create(page: Page) -> None:
    page.get_by_role("button", name="Create and start").click()


def spec_of(service: Service, name: str) -> Any:
    return service.request("GET", f"/v1/tasks/{name}").body["spec"]


def action(page: Page, name: str) -> None:
    page.get_by_role("group", name="Actions").get_by_role("button", name=name).click()


def test_a_task_is_made_watched_scaled_broken_and_stopped(
    page: Page, service: Service, tmp_path: Path
) -> None:
    broken = tmp_path / "broken"
    open_page(page, service)
    page.get_by_role("link", name=re.compile("^New ?task$")).first.click()

    # Make it.
    field(page, "Name").fill("story")
    field(page, "Command").fill(
        f"while ! test -e {broken}; do echo line of the story; sleep 0.05; done; exit 7"
    )
    part(page, "Environment and user")
    page.get_by_role("button", name="Add a variable").click()
    page.get_by_role("group", name="Variable 1").get_by_label("Name").fill("GREETING")
    page.get_by_role("group", name="Variable 1").get_by_label("Value").fill("hello")
    part(page, "Restarts and stops")
    page.get_by_label("Pause s").first.fill("600")
    create(page)

    # See it run, and what it writes.
    expect(page.locator("h1")).to_have_text("story")
    state = page.locator(".task-title .state")
    expect(state).to_have_text("running")
    expect(page.locator(".last-lines")).to_contain_text("line of the story")
    assert spec_of(service, "story")["env"] == {"GREETING": "hello"}
    page.get_by_role("link", name="All of its log").click()
    expect(page.get_by_text("line of the story").first).to_be_visible()
    page.go_back()

    # Scale it.
    action(page, "Scale")
    page.get_by_role("dialog").get_by_label("Replicas").fill("2")
    page.keyboard.press("Enter")
    expect(page.locator(".task-replicas")).to_contain_text("2 of 2 ready")

    # Break it, and see why.
    broken.touch()
    expect(state).to_have_text("backoff")
    expect(page.locator(".why")).to_have_text("exited 7")
    page.get_by_role("link", name="All events").click()
    expect(page.locator(".event", has_text="story:1").first).to_contain_text("exited 7")
    page.go_back()

    # Mend it, and stop it.
    broken.unlink()
    action(page, "Restart")
    expect(state).to_have_text("running")
    action(page, "Stop")
    expect(state).to_have_text("stopped")


def test_what_is_wrong_is_said_at_the_field_and_nothing_is_made(
    page: Page, service: Service
) -> None:
    allow(page, "400")
    open_page(page, service, "#/new")
    field(page, "Name").fill("wrong")
    field(page, "Command").fill("true")
    part(page, "Environment and user")
    folder = field(page, "Folder")
    folder.fill("not/absolute")
    field(page, "User").focus()

    expect(page.locator(".edit-field", has=folder).locator(".edit-wrong")).to_contain_text(
        "bsolute path"
    )
    expect(folder).to_have_attribute("aria-invalid", "true")
    folder.fill("/tmp")
    expect(folder).not_to_have_attribute("aria-invalid", "true")
    assert "wrong" not in service.tasks()


def test_what_is_wrong_deep_in_the_form_is_gone_to(page: Page, service: Service) -> None:
    allow(page, "4")
    open_page(page, service, "#/new")
    field(page, "Name").fill("wrong")
    field(page, "Command").fill("true")
    part(page, "Checks")
    field(page, "Ready when").select_option("http")
    field(page, "URL").fill("nonsense")

    create(page)

    expect(field(page, "URL")).to_be_focused()
    expect(page.locator(".edit-check-of .edit-wrong").first).to_contain_text("URL")
    part(page, "Dependencies")
    page.get_by_role("button", name="Add a dependency").click()
    row = page.get_by_role("group", name="Dependency 1")
    row.get_by_label("Task").fill("wrong")
    field(page, "URL").fill("http://127.0.0.1:1/")
    create(page)
    expect(page.locator(".edit-foot .edit-wrong")).to_contain_text("cycle")
    assert "wrong" not in service.tasks()


def test_a_name_that_is_taken_and_none_at_all_are_refused(page: Page, service: Service) -> None:
    service.must_post("taken", "exec sleep 1000", "daemon")
    open_page(page, service, "#/new")

    create(page)
    expect(page.locator(".edit-field .edit-wrong")).to_have_text("The task needs a name")
    field(page, "Name").fill("taken")
    field(page, "Command").fill("true")
    create(page)

    expect(page.locator(".edit-field .edit-wrong")).to_contain_text("already")
    assert spec_of(service, "taken")["type"] == "daemon"


def test_cron_is_said_in_words_with_its_next_fires_while_one_types(
    page: Page, service: Service
) -> None:
    allow(page, "400")
    open_page(page, service, "#/new?type=cron")
    said = page.locator(".cron-said")

    field(page, "Cron expression").fill("30 4 * * mon-fri")
    expect(said.locator(".cron-words")).to_have_text("at 04:30 from Monday to Friday")
    expect(said.locator(".cron-fires li")).to_have_count(5)
    expect(said.locator(".cron-fires li").first).to_contain_text("04:30")
    field(page, "Time zone").fill("Asia/Tokyo")
    expect(said.locator(".cron-fires li").first).to_contain_text("+09:00")
    field(page, "Cron expression").fill("61 4 * * *")

    expect(said).to_contain_text("minute")
    expect(said.locator("li")).to_have_count(0)


CRONTAB = """
# m h dom mon dow user command
MAILTO=admin@example.org
CRON_TZ=Europe/Berlin
PATH=/usr/local/bin:/usr/bin

# Nightly backup
15 3 * * 1-5 root /usr/local/bin/backup.sh --all
@daily www-data /usr/bin/php /srv/cron.php
"""


def parsed(page: Page, text: str, user: str = "auto") -> Any:
    return page.evaluate(
        "([text, user]) => import('/ui/crontab.js').then((m) => m.parseCrontab(text, user))",
        [text, user],
    )


LINES: list[tuple[str, str, dict[str, Any]]] = [
    ("*/5 * * * * /opt/x --y", "auto", {"cron": "*/5 * * * *", "cmd": "/opt/x --y"}),
    ("0 4 * * * root /bin/x", "auto", {"user": "root", "cmd": "/bin/x"}),
    ("0 4 * * * root /bin/x", "no", {"cmd": "root /bin/x"}),
    ("0 4 * * * carol /bin/x", "auto", {"cmd": "carol /bin/x"}),
    ("0 4 * * * carol /bin/x", "yes", {"user": "carol", "cmd": "/bin/x"}),
    ("@Daily /bin/x", "auto", {"cron": "@daily"}),
    ("@reboot\t/bin/x", "auto", {"cron": "@reboot", "name": "x"}),
    ("0 4 * jan mon-fri /bin/x", "auto", {"cron": "0 4 * jan mon-fri"}),
    ("TZ=UTC\n0 4 * * * x", "auto", {"env": {"TZ": "UTC"}}),
    ('CRON_TZ="Asia/Tokyo"\n0 4 * * * x', "auto", {"timezone": "Asia/Tokyo"}),
    ("HOME=/srv\n0 4 * * * x", "auto", {"cwd": "/srv"}),
    ("RANDOM_DELAY=5\n0 4 * * * x", "auto", {"schedule_jitter": 300}),
    ("SHELL=/bin/bash\n0 4 * * * x", "auto", {"cmd": ["/bin/bash", "-c", "x"]}),
    (r"0 4 * * * date +\%F", "auto", {"cmd": "date +%F"}),
    ("0 4 * * * cat%one%two", "auto", {"cmd": "{ cat\n} <<'END'\none\ntwo\nEND"}),
    ("0 4 * * * cd /srv && python3 job.py", "auto", {"name": "srv"}),
    ("0 4 * * * FOO=1 nice -n 5 python3 /srv/job.py", "auto", {"name": "job"}),
]
"""Lines, whether they have a user's field, and what of the fields they mean."""


def test_the_schedule_opens_with_the_type_that_needs_one(page: Page, service: Service) -> None:
    open_page(page, service, "#/new")
    expect(field(page, "Cron expression")).to_have_count(0)

    field(page, "Type").select_option("cron")

    expect(field(page, "Cron expression")).to_be_visible()


def test_a_line_of_a_crontab_is_a_task(page: Page, service: Service) -> None:
    open_page(page, service, "#/new")

    for text, user, fields in LINES:
        found = parsed(page, text, user)
        assert found["errors"] == [], text
        (job,) = found["jobs"]
        assert {name: job["fields"].get(name) for name in fields} == fields, text
        assert job["fields"]["type"] == "cron"


def test_lines_that_are_no_jobs_are_told(page: Page, service: Service) -> None:
    open_page(page, service, "#/new")

    found = parsed(page, "0 4 * * *\nnonsense\n@often x\n@daily\n0 4 * * * root", "yes")

    assert [error["line"] for error in found["errors"]] == [1, 2, 3, 4, 5]
    assert found["jobs"] == []


def test_a_pasted_crontab_line_becomes_a_task(page: Page, service: Service) -> None:
    allow(page, "422")
    open_page(page, service, "#/new")
    page.get_by_role("button", name="Import a crontab line").click()
    field(page, "Lines of a crontab").fill(CRONTAB)

    expect(page.locator(".crontab-jobs li")).to_have_count(2)
    page.get_by_role("button", name="Take over backup").click()

    expect(field(page, "Name")).to_have_value("backup")
    expect(field(page, "Description")).to_have_value("Nightly backup")
    expect(field(page, "Cron expression")).to_have_value("15 3 * * 1-5")
    expect(field(page, "Time zone")).to_have_value("Europe/Berlin")
    expect(field(page, "User")).to_have_value("root")
    field(page, "User").fill("")
    create(page)
    expect(page.locator(".task-title .state")).to_have_text("scheduled")
    made = spec_of(service, "backup")
    assert (made["cron"], made["timezone"]) == ("15 3 * * 1-5", "Europe/Berlin")
    assert made["env"] == {"PATH": "/usr/local/bin:/usr/bin"}


def test_an_edit_shows_what_changes_and_restarts_before_it_is_saved(
    page: Page, service: Service
) -> None:
    env = {"PLAIN": "one", "API_TOKEN": "very-secret"}
    service.must_post("edited", "exec sleep 1000", "daemon", replica=2, env=env)
    service.wait_running("edited", 2)
    before = service.running("edited")
    open_page(page, service, "#/task/edited")
    page.get_by_role("link", name="Edit").click()

    page.get_by_role("group", name="Variable 1").get_by_label("Value").fill("two")
    field(page, "Description").fill("Other words")
    page.get_by_role("button", name="Review and save").click()

    dialog = page.get_by_role("dialog")
    expect(dialog.locator("tbody tr")).to_have_count(2)
    expect(dialog.locator("tr", has_text="description")).not_to_contain_text("restarts")
    changed = dialog.locator("tr", has_text="env.PLAIN")
    expect(changed).to_contain_text("restarts")
    expect(changed.locator("td")).to_have_text(["one", "two"])
    expect(dialog).not_to_contain_text("API_TOKEN")
    expect(dialog).to_contain_text("2 replicas will be restarted: edited:0, edited:1")
    assert service.running("edited") == before
    dialog.get_by_role("button", name="Save and restart 2 replicas").click()
    expect(page.locator(".task-head")).to_contain_text("Other words")
    made = spec_of(service, "edited")
    assert made["env"] == {"PLAIN": "two", "API_TOKEN": "***"}
    expect(page.locator(".task-replicas")).to_contain_text("2 of 2 ready")
    assert not set(service.running("edited")) & set(before)


def test_an_edit_to_fewer_replicas_shows_which_will_be_stopped(
    page: Page, service: Service
) -> None:
    service.must_post("fewer", "exec sleep 1000", "daemon", replica=3)
    service.wait_running("fewer", 3)
    open_page(page, service, "#/edit/fewer")

    field(page, "Replicas").fill("1")
    page.get_by_role("button", name="Review and save").click()

    expect(page.get_by_role("dialog")).to_contain_text(
        "2 replicas will be stopped: fewer:1, fewer:2"
    )


def test_an_edit_of_nothing_restarts_nothing(page: Page, service: Service) -> None:
    service.must_post("same", "exec sleep 1000", "daemon", restart="always", limits={"pids": 50})
    open_page(page, service, "#/edit/same")

    page.get_by_role("button", name="Review and save").click()

    expect(page.get_by_role("dialog")).to_contain_text("Nothing is different")


def test_all_of_a_task_can_be_edited_as_json(page: Page, service: Service) -> None:
    allow(page, "400")
    open_page(page, service, "#/new")
    page.get_by_role("button", name="JSON").click()
    text = page.get_by_label("The task as JSON")

    text.fill("{")
    create(page)
    expect(page.locator("#edit-json-wrong")).to_contain_text("no JSON")
    task = {"name": "as-json", "type": "daemon", "cmd": ["sleep", "1000"], "replicas": 2}
    text.fill(json.dumps(task))
    create(page)
    expect(page.locator("#edit-json-wrong")).to_contain_text("did you mean `replica`?")
    task["replica"] = task.pop("replicas")
    text.fill(json.dumps(task))
    page.get_by_role("button", name="Form").click()
    expect(field(page, "Replicas")).to_have_value("2")
    expect(field(page, "Command")).to_have_value("sleep\n1000")
    create(page)

    expect(page.locator(".task-replicas")).to_contain_text("2 of 2 ready")


FULL = {
    "name": "full",
    "type": "cron",
    "cmd": ["/bin/true"],
    "cron": "0 4 * * *",
    "timezone": "Europe/Berlin",
    "overlap": "queue",
    "queue": 3,
    "catch_up": "last",
    "blackouts": [{"cron": "0 22 * * *", "seconds": 60.0}],
    "labels": {"tier": "back"},
    "namespace": "shop",
    "env": {"A": "1"},
    "secret_env": ["A"],
    "env_files": ["/etc/none"],
    "deps": ["same", {"task": "other", "until": "log_line", "pattern": "up", "required": False}],
    "restart": {"when": "on-failure", "factor": 2.0, "limit": 4},
    "success_codes": [0, 3],
    "stop_signal": ["INT", "TERM"],
    "limits": {"memory_restart": 1 << 30},
    "output": {"quota": 5 << 20, "separate": True},
    "sockets": [{"name": "http", "address": "/tmp/full.sock", "activate": False}],
    "watch": {"paths": ["/tmp"], "include": ["*.py"]},
    "startup": {"file": "/tmp/x", "period": 1.0},
    "rlimits": {"nofile": 1024},
}
"""A task with something in every part of the form, and something that the form does not show."""


def test_what_the_form_shows_it_writes_as_it_was(page: Page, service: Service) -> None:
    assert service.request("PUT", "/v1/tasks/full", FULL).status == 201
    open_page(page, service, "#/edit/full")
    for row in ("Variable 1", "Dependency 1", "Dependency 2", "Blackout 1", "Socket 1", "Label 1"):
        box = page.get_by_role("group", name=row, exact=True).locator("input").first
        text = box.input_value()
        box.fill("x")
        box.fill(text)
    for label in ("Stop signal", "Good exit codes", "Most that wait", "At most, a replica"):
        text = field(page, label).input_value()
        field(page, label).fill("9")
        field(page, label).fill(text)

    page.get_by_role("button", name="Review and save").click()

    expect(page.get_by_role("dialog")).to_contain_text("Nothing is different")


def test_the_keyboard_is_enough_for_a_new_task(page: Page, service: Service) -> None:
    open_page(page, service)

    page.keyboard.press("n")
    expect(field(page, "Name")).to_be_focused()
    page.keyboard.type("by-keys")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.type("exec sleep 1000")
    expect(field(page, "Command")).to_have_value("exec sleep 1000")
    field(page, "Replicas").press("Enter")

    expect(page.locator(".task-title .state")).to_have_text("running")
