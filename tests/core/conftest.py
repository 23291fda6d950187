import pytest

from .life import Life


@pytest.fixture
def life():
    return Life()
