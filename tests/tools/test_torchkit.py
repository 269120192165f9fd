"""PyTorch's threads, generators, modes and buffers inside a block and after it."""

import pytest
import torch

from rdverify import InputError
from rdverify.tools.torchkit import (
    as_it_was,
    device_named,
    one_thread,
    random_state_kept,
    seeded,
    seeded_globally,
    threads,
)


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


@pytest.mark.parametrize("number", [1, 2])
def test_of_blocks_side_by_side_the_last_to_leave_restores(number):
    first, second = threads(number), one_thread()  # a number of its own goes with each block
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


def test_blocks_of_three_counts_each_give_back_the_one_around_them():
    with threads(2), threads(1):
        with threads(2):
            assert torch.get_num_threads() == 2
        assert torch.get_num_threads() == 1
    torch.set_num_threads(2)  # what is found now is given back the next time
    with one_thread():
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == 2


def test_a_generator_hangs_on_all_its_numbers_and_on_their_order():
    keys = [(0,), (1,), (0, 1), (1, 2), (2, 1), (0, 1, 2), (2**40, 3)]
    drawn = [tuple(torch.rand(3, generator=seeded(*key)).tolist()) for key in keys]
    assert len(set(drawn)) == len(keys)
    again = [tuple(torch.rand(3, generator=seeded(*key)).tolist()) for key in keys]
    assert drawn == again
    assert seeded(1, 0).initial_seed() == seeded(1).initial_seed()
    assert all(0 <= seeded(k).initial_seed() < 2**63 for k in range(50))
    # the first word of NumPy's seed sequence of 0, in the bits that a signed number has
    assert seeded(0).initial_seed() == 15793235383387715774 // 2


def fail_after_a_draw():
    torch.rand(1)
    raise ZeroDivisionError


def test_the_global_generator_is_of_the_seed_inside_and_as_it_was_after():
    before = torch.get_rng_state()
    with seeded_globally(5):
        inside = torch.rand(4)
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(inside, torch.rand(4, generator=torch.Generator().manual_seed(5)))
    after = torch.get_rng_state()
    with pytest.raises(ZeroDivisionError), seeded_globally(6):
        fail_after_a_draw()
    assert torch.equal(torch.get_rng_state(), after)
    with seeded_globally(5):  # no lock is left
        assert torch.equal(torch.rand(4), inside)


def test_what_draws_in_a_block_leaves_the_generators_as_they_were():
    before = torch.get_rng_state()
    with random_state_kept():
        torch.rand(5)
    assert torch.equal(torch.get_rng_state(), before)
    with pytest.raises(ZeroDivisionError), random_state_kept("cpu"):
        fail_after_a_draw()
    assert torch.equal(torch.get_rng_state(), before)
    with random_state_kept(torch.device("cpu")):
        pass
    assert torch.equal(torch.get_rng_state(), before)


def test_so_is_the_generator_of_the_device_alone(monkeypatch):
    kept = {"cuda:1": torch.tensor([1, 2], dtype=torch.uint8)}
    monkeypatch.setattr(torch.cuda, "get_rng_state", lambda device: kept[str(device)].clone())
    monkeypatch.setattr(
        torch.cuda, "set_rng_state", lambda state, device: kept.update({str(device): state})
    )
    with random_state_kept("cuda:1"):
        kept["cuda:1"] = torch.tensor([3, 4], dtype=torch.uint8)
    assert kept["cuda:1"].tolist() == [1, 2]
    before = torch.get_rng_state()
    with random_state_kept("cuda:1"):
        torch.rand(1)
    assert torch.equal(torch.get_rng_state(), before)
    assert kept["cuda:1"].tolist() == [1, 2]


@pytest.mark.parametrize("name", ["cuda:99", "cup", "", "meta", "cpu:x"])
def test_a_device_that_is_not_there_is_refused_by_name(name):
    with pytest.raises(InputError, match=f"device = '{name}' is not allowed: must be one"):
        device_named(name)
    assert device_named("cpu") == torch.device("cpu")


class Parts(torch.nn.Module):
    """A normalisation within a layer, and a buffer that is not there."""

    def __init__(self):
        super().__init__()
        self.inner = torch.nn.Sequential(torch.nn.BatchNorm1d(2), torch.nn.Dropout())
        self.register_buffer("absent", None)
        self.register_buffer("count", torch.zeros(1))


@pytest.mark.parametrize("fails", [False, True])
def test_modes_and_buffers_are_after_a_block_as_they_were_before_it(fails):
    module = Parts()
    module.inner[0].eval()
    before = {name: value.clone() for name, value in module.state_dict().items()}
    modes = [part.training for part in module.modules()]
    assert modes == [True, True, False, True]
    count = module.count

    def change():
        module.eval()
        module.inner[0].train()
        module.inner(torch.ones(4, 2))
        module.count += 1  # in its place
        module.inner[0].running_var = torch.full((2,), 7.0)  # another in its place
        if fails:
            raise ZeroDivisionError

    with as_it_was(module):
        if fails:
            with pytest.raises(ZeroDivisionError), as_it_was(module):
                change()
            assert [part.training for part in module.modules()] == modes
        else:
            change()
    assert [part.training for part in module.modules()] == modes
    assert module.count is count
    after = module.state_dict()
    assert after.keys() == before.keys()
    assert all(torch.equal(after[name], value) for name, value in before.items())


def test_a_buffer_that_was_not_touched_is_not_written():
    module = torch.nn.BatchNorm1d(2)
    versions = [value._version for value in module.buffers()]
    with as_it_was(module):
        pass
    assert [value._version for value in module.buffers()] == versions
