"""PyTorch's number of threads inside a block and after it."""

import pytest
import torch

from rdverify.tools.torchkit import one_thread, threads


@pytest.fixture(autouse=True)
def three():
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    yield
    torch.set_num_threads(before)


def test_a_block_within_another_has_its_own_number_and_gives_back_the_outers():
    with threads(2):
        with one_thread():
            assert torch.get_num_threads() == 1
        assert torch.get_num_threads() == 2
    assert torch.get_num_threads() == 3


def test_of_blocks_side_by_side_the_last_to_leave_restores():
    first, second = one_thread(), one_thread()
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert torch.get_num_threads() == 1
    second.__exit__(None, None, None)
    assert torch.get_num_threads() == 3


def test_a_block_that_fails_restores_too():
    with pytest.raises(ZeroDivisionError), threads(2):
        raise ZeroDivisionError
    assert torch.get_num_threads() == 3
