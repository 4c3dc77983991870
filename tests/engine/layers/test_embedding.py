import pytest
import torch

from bertkit.engine.layers.embedding import InPlaceEmbedding, use_in_place_embeddings


@pytest.fixture
def tables():
    """A plain table and one that adds up in place, equal."""
    torch.manual_seed(0)
    plain, network = (
        torch.nn.Embedding(50, 8, padding_idx=0),
        torch.nn.ModuleList([torch.nn.Embedding(50, 8, padding_idx=0)]),
    )
    network[0].load_state_dict(plain.state_dict())
    use_in_place_embeddings(network)
    assert isinstance(network[0], InPlaceEmbedding)
    return plain, network[0]


def test_gradients_of_several_parts_and_steps_are_those_of_torch(tables):
    for _ in range(2):
        ids = [torch.randint(0, 50, (4, size)) for size in (9, 3)]
        outer = [torch.randn(4, size, 8) for size in (9, 3)]
        for table in tables:
            table.zero_grad()
            for part, factor in zip(ids, outer, strict=True):
                (table(part) * factor).sum().backward()
        torch.testing.assert_close(tables[1].weight.grad, tables[0].weight.grad)
        assert not tables[1].weight.grad[0].any()


def test_rows_are_those_of_torch(tables):
    ids = torch.tensor([[1, 0, 49]])
    plain, own = tables
    assert torch.equal(own(ids), plain(ids))
    with torch.inference_mode():
        assert torch.equal(own(ids), plain(ids))


def test_frozen_table_gets_no_gradient(tables):
    _, own = tables
    own.weight.requires_grad_(False)
    assert not own(torch.tensor([1])).requires_grad
    assert own.weight.grad is None
