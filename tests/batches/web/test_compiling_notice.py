"""The pages say that batches wait while the first start compiles the kernels."""

import pytest

from backtester.web.starting import note_compiling
from tests.support import jobs
from tests.support.page_reader import text_of, url

SENTENCE = "The kernels are being compiled, on the first start only."


@pytest.mark.usefixtures("queued", "published")
def test_pages_say_that_batches_wait_while_kernels_are_compiled(client, submitted, settings, tmp_path):
    settings.DATA_DIR = tmp_path
    (tmp_path / "run").mkdir()
    pages = ("/", url(submitted))
    note_compiling(tmp_path, is_compiling=True)
    assert all(SENTENCE in text_of(client.get(page)) for page in pages)
    note_compiling(tmp_path, is_compiling=False)
    assert not any(SENTENCE in text_of(client.get(page)) for page in pages)


@pytest.mark.usefixtures("queued", "published")
def test_a_batch_that_runs_has_the_notice_hidden(client, submitted, settings, tmp_path):
    settings.DATA_DIR = tmp_path
    (tmp_path / "run").mkdir()
    note_compiling(tmp_path, is_compiling=True)
    notice = f'<p class="notice calm" data-when="queued"{{}}>{SENTENCE}'
    assert notice.format("") in client.get(url(submitted)).content.decode()
    jobs.work_some(submitted, 1)
    assert notice.format(" hidden") in client.get(url(submitted)).content.decode()


def test_a_note_that_cannot_be_written_is_no_error(tmp_path):
    for is_compiling in (True, False):
        note_compiling(tmp_path / "missing", is_compiling=is_compiling)
