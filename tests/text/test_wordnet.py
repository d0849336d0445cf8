from seqrl.text.wordnet import glosses

HEADER = "  1 This software and database is being provided to you, the LICENSEE, by  \n  29 | Princeton\n"


def test_each_definition_and_each_example_is_a_line() -> None:
    lines = (
        '00001740 03 n 01 thing 0 000 | tangible; not abstract; "it was full";"a | b"- Shakespeare  \n'
        '00001930 00 a 01 able 0 001 = 05200169 n 0000 | (followed by `to\') able: "I am"  \n'
    )
    assert [line.strip() for line in glosses(HEADER + lines).splitlines()] == [
        "tangible; not abstract",
        '"it was full"',
        '"a | b"- Shakespeare',
        '(followed by `to\') able: "I am"',
    ]


def test_the_licence_has_no_glosses() -> None:
    assert glosses(HEADER) == ""
