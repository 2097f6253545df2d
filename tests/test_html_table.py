from diode_pl.html_table import to_table


def test_a_long_table_says_how_much_is_left_out() -> None:
    page = to_table("boxes", ["n", "<x>"], [[i, i / 8] for i in range(13)])
    assert page.count("<tr>") == 11 and page.endswith("<p>and 3 more</p>") and "<td>9</td><td>1.125</td>" in page
    assert "<th>&lt;x&gt;</th>" in page
