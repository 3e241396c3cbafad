import shop


async def test_page():
    assert len(await shop.page()) == 3


async def test_footer():
    assert len(await shop.footer()) == 2
