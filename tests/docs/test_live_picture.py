from tests.docs.live_picture import PICTURE, draw


def test_the_picture_is_what_the_view_draws_now():
    assert PICTURE.read_text(encoding="utf-8") == draw(), "python -m tests.docs.live_picture draws it anew"


def test_the_picture_asks_for_nothing_from_elsewhere():
    assert "url(http" not in draw()
    assert "@import" not in draw()
