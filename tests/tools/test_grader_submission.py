"""How the grader finds tasks, Compose files and the parts of a task."""

import pytest

from grader.errors import Fault, Missing
from grader.parts import parts_of_dockerfiles
from grader.submission import (
    COMPOSE_FILES,
    Submission,
    compose_files,
    empty_folders,
    task_folder,
    task_folders,
)
from support.copies import copy_of_the_course, empty, link, write


@pytest.fixture
def submission(tmp_path):
    """A copy of our task2."""
    return Submission(copy_of_the_course(tmp_path / "submission", [2]).resolve())


def test_folder_names_of_tasks_may_differ(tmp_path):
    for name in ("Task0", "task-1", "task_2", "task 3", "task7", "tasks"):
        (tmp_path / name).mkdir()
    assert sorted(task_folders(tmp_path)) == [0, 1, 2, 3]


@pytest.mark.parametrize("number", [0, 5])
def test_a_task_without_a_folder_or_without_files_is_missing(submission, number):
    (submission.path / "task5").mkdir()
    with pytest.raises(Missing):
        task_folder(submission, number)


def test_a_task_that_is_a_link_to_the_outside_is_a_fault(submission, tmp_path):
    write("elsewhere/Dockerfile", "FROM ubuntu\n")(tmp_path)
    link("task0", tmp_path / "elsewhere")(submission.path)
    with pytest.raises(Fault, match="task0 is a link that leads outside the submission"):
        task_folder(submission, 0)


def test_the_role_of_a_part_follows_from_its_files(submission):
    write("task2/x/Dockerfile", "FROM nginx\nCOPY y.conf /etc\n")(submission.path)
    write("task2/x/y.conf", "location / { proxy_pass http://z; }")(submission.path)
    parts = parts_of_dockerfiles(submission, submission.path / "task2")
    roles = {part.name: part.role() for part in parts}
    assert roles == {"back-end": "back-end", "front-end": "front-end", "x": "proxy"}


def test_a_file_outside_the_submission_is_not_read(submission, tmp_path):
    write("secret.conf", "proxy_pass")(tmp_path)
    linked = "task2/back-end/secret.conf"
    link(linked, tmp_path / "secret.conf")(submission.path)
    part = parts_of_dockerfiles(submission, submission.path / "task2")[0]
    assert "secret.conf" not in [file.name for file in part.files()]
    with pytest.raises(Fault, match="leads outside"):
        submission.read(submission.path / linked)


def test_a_task_without_a_dockerfile_or_compose_file_is_a_fault(submission):
    write("task0/README.md", "Later.")(submission.path)
    with pytest.raises(Fault, match="expected a Dockerfile in task0, got none"):
        parts_of_dockerfiles(submission, submission.path / "task0")
    with pytest.raises(Fault, match="expected a Compose file in task0, got none"):
        compose_files(submission, submission.path / "task0")


@pytest.mark.parametrize("name", COMPOSE_FILES)
def test_each_name_of_a_compose_file_is_found_with_its_override(submission, name):
    folder = submission.path / "task4"
    override = "docker-compose.override.yml"
    for file in (name, override):
        write(file, "services: {}")(folder)
    assert compose_files(submission, folder) == [folder / name, folder / override]


def test_an_empty_folder_is_reported_with_its_probable_cause(submission):
    path = "task2/front-end/softy-pinko-front-end"
    empty(path)(submission.path)
    (sentence,) = empty_folders(submission, submission.path / "task2")
    assert "perhaps a git submodule whose files were never committed" in sentence
    write(".gitmodules", f'[submodule "s"]\n\tpath = {path}\n')(submission.path)
    (sentence,) = empty_folders(submission, submission.path / "task2")
    assert f"{path} is empty: it is a git submodule that wasn't fetched" in sentence
