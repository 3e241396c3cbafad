"""No marker: `pytest.ini` asks for all, and `baseline.txt` accepts what was there."""

import kitchen


async def test_bread() -> None:
    """It blocks, and is accepted as of today."""
    assert await kitchen.bake() == "bread"


async def test_plates() -> None:
    """It no longer blocks, so the summary names an entry that can go."""
    assert await kitchen.wash() == "plates"


async def test_eggs() -> None:
    """It is new, and fails."""
    assert await kitchen.fry() == "eggs"
