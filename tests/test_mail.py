"""Messages and mailboxes: whose words are kept, and what is quoted, signed or carried along."""

from __future__ import annotations

from collections.abc import Callable
from email.message import EmailMessage

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from index.clean import clean
from index.errors import ReadError
from index.formats import Extracted
from index.formats.mail import html_message_lines, read_eml, read_mbox
from index.read import read_source


def make_eml(body: str, *, subject: str = "The ferry", html: str = "", charset: str = "utf-8") -> bytes:
    message = EmailMessage()
    message["Subject"] = subject
    message["From"] = "Aygün Səlimova <aygun@sahilkend.example>"
    message["Date"] = "Sat, 04 May 2024 23:30:00 +0400"
    message.set_content(body, charset=charset)
    if html:
        message.add_alternative(html, subtype="html")
    return message.as_bytes()


def own(extracted: Extracted) -> list[str]:
    """The lines that are kept, the subject left out."""
    starts = {dropped.span.start for dropped in extracted.set_aside}
    lines, place = [], 0
    for line in extracted.text.split("\n"):
        if line.strip() and place not in starts:
            lines.append(line)
        place += len(line) + 1
    return lines[1:]


def set_aside(extracted: Extracted) -> list[tuple[str, str]]:
    return [(dropped.span.of(extracted.text), dropped.reason) for dropped in extracted.set_aside]


@pytest.mark.parametrize("charset", ["utf-8", "iso-8859-9"])
def test_a_message(charset: str, check_extracted: Callable[[Extracted], None]) -> None:
    data = make_eml("Vapur kalkmıyor.\n\nŞurası karar verdi.\n", subject="Köprü: son söz", charset=charset)
    extracted = read_eml(data, "a.eml")
    check_extracted(extracted)
    assert extracted.text == "Köprü: son söz\n\nVapur kalkmıyor.\n\nŞurası karar verdi."
    (part,) = extracted.parts
    assert part.span.of(extracted.text) == extracted.text
    # The day where it was written: in Greenwich it was the same, in Tokyo the next.
    assert (part.title, part.date, part.author) == ("Köprü: son söz", "2024-05-04", "Aygün Səlimova")
    assert (extracted.title, extracted.date, extracted.author) == (part.title, part.date, part.author)
    source = read_source(data, path="a.eml")
    (document,) = clean(source).documents
    assert (document.title, document.date, document.lang) == ("Köprü: son söz", "2024-05-04", "tr")


ATTRIBUTIONS = [
    "On Fri, May 3, 2024 at 10:15 AM Rauf Su <rauf@sahilkend.example> wrote:",
    "Пользователь Rauf Su (rauf@sahilkend.example) писал(а):",
    "пт, 3 мая 2024 г. в 10:15, Rauf Su <rauf@sahilkend.example>:",
    "Rauf Su <rauf@sahilkend.example>, 3 May 2024 Cum, 10:15 tarihinde şunu yazdı:",
    "3 May 2024 10:15 tarixində Rauf Su <rauf@sahilkend.example> yazıb:",
    "On Fri, May 3, 2024 at 10:15 AM Rauf Su <rauf@sahilkend.example>\nwrote:",
]


@pytest.mark.parametrize("attribution", ATTRIBUTIONS)
@pytest.mark.parametrize("quoted", ["> The ferry was late.\n>\n> Again.", "The ferry was late.\n\nAgain."])
def test_a_quoted_reply_is_set_aside(attribution: str, quoted: str) -> None:
    extracted = read_eml(make_eml(f"It will stay.\n\n{attribution}\n\n{quoted}\n"), "a.eml")
    assert own(extracted) == ["It will stay."]
    assert {reason for _, reason in set_aside(extracted)} == {"quoted reply"}


def test_answers_between_quoted_lines_are_kept() -> None:
    body = "Rauf yazdı:\n> Where is it?\nAt the quay.\n> And the horn?\nIt is broken.\n"
    extracted = read_eml(make_eml(body), "a.eml")
    assert own(extracted) == ["At the quay.", "It is broken."]


@pytest.mark.parametrize(
    "body",
    [
        "The council met.\nPrezident belə yazdı:\n“Körpü tikilir.”",
        "Капитан написал:\nпаром уходит.",
        "From the quay to the town: a mile.\nDate: not known.\nThe end.",
    ],
)
def test_sentences_that_only_look_like_it_are_kept(body: str) -> None:
    assert own(read_eml(make_eml(body), "a.eml")) == body.split("\n")


@pytest.mark.parametrize(
    "header",
    [
        "-----Original Message-----\nFrom: Rauf Su\nSent: Friday\nTo: Aygün\nSubject: ferry",
        "От: Rauf Su\nОтправлено: 3 мая\nКому: Aygün\nТема: паром",
        "Kimdən: Rauf Su\nTarix: 3 may\nKimə: Aygün\nMövzu: bərə",
        "Kimden: Rauf Su\nGönderildi: 3 Mayıs\nKime: Aygün\nKonu: vapur",
    ],
)
def test_what_a_reply_carries_is_quoted_and_what_is_forwarded_is_kept(header: str) -> None:
    body = f"See below.\n\n{header}\n\nThe ferry was late.\n"
    assert own(read_eml(make_eml(body, subject="Re: ferry"), "a.eml")) == ["See below."]
    forwarded = read_eml(make_eml(body, subject="Fwd: ferry"), "a.eml")
    assert own(forwarded) == ["See below.", "The ferry was late."]
    assert {reason for _, reason in set_aside(forwarded)} == {"header of a forwarded message"}


@pytest.mark.parametrize(
    "signature", ["-- \nAygün Səlimova\nSahilkənd Bulletin", "Sent from my iPhone", "Отправлено с iPhone"]
)
def test_signatures_are_set_aside(signature: str) -> None:
    extracted = read_eml(make_eml(f"It will stay.\n\n{signature}\n"), "a.eml")
    assert own(extracted) == ["It will stay."]
    assert {reason for _, reason in set_aside(extracted)} == {"signature"}


def test_a_message_that_only_quotes_is_kept() -> None:
    assert own(read_eml(make_eml("> The ferry was late.\n> Again.\n"), "a.eml")) == [
        "> The ferry was late.",
        "> Again.",
    ]


def test_html_alone() -> None:
    message = EmailMessage()
    message["Subject"] = "Паром"
    message.set_content(
        "<style>p {}</style><p>Паром&nbsp;остаётся.<br>Мост <b>не</b> нужен.</p><ul><li>Раз</li><li>Два</li></ul>"
        "<blockquote><p>Паром опоздал.</p><blockquote>Опять?</blockquote></blockquote>",
        subtype="html",
    )
    extracted = read_eml(message.as_bytes(), "a.eml")
    assert own(extracted) == ["Паром\N{NO-BREAK SPACE}остаётся.", "Мост не нужен.", "Раз", "Два"]
    assert set_aside(extracted) == [
        ("> Паром опоздал.", "quoted reply"),
        (">", "quoted reply"),
        ("> > Опять?", "quoted reply"),
    ]


def test_plain_text_is_preferred() -> None:
    assert own(read_eml(make_eml("As plain text.", html="<p>As a page.</p>"), "a.eml")) == ["As plain text."]


def test_html_message_lines() -> None:
    assert html_message_lines("<div>a</div><div>b<br><br>c</div><table><tr><td>1</td><td>2</td></tr></table>") == (
        "a\n\nb\n\nc\n\n1 | 2"
    )
    assert html_message_lines("") == ""


def test_flowed_lines_go_on() -> None:
    body = "The ferry has crossed \nthe bay since the war.\nNew line.\n> quoted \n> more\n-- \nAygün\n"
    data = make_eml(body).replace(b'charset="utf-8"', b'charset="utf-8"; format=flowed')
    assert own(read_eml(data, "a.eml")) == ["The ferry has crossed the bay since the war.", "New line."]


def test_attachments_that_could_be_read_are_told() -> None:
    message = EmailMessage()
    message["Subject"] = "Minutes"
    message.set_content("They are attached.")
    for name in ("minutes.PDF", "quay.jpg"):
        message.add_attachment(b"x", maintype="application", subtype="octet-stream", filename=name)
    assert read_eml(message.as_bytes(), "a.eml", readable={".pdf"}).problems == (
        "a.eml: attachment minutes.PDF is not read; save it next to the message",
    )


def test_letters_that_are_lost_are_told() -> None:
    data = make_eml("Капитан дома.", charset="koi8-r").replace(b"koi8-r", b"utf-8")
    assert read_eml(data, "a.eml").problems == (
        "a.eml: letters of message 'The ferry' are lost, since it is not in the encoding that it names; "
        "save its text as .txt in UTF-8",
    )
    assert read_eml(make_eml("Капитан дома.", charset="koi8-r"), "a.eml").text == "The ferry\n\nКапитан дома."


def test_a_message_in_a_message_is_an_item() -> None:
    message = EmailMessage()
    message["Subject"] = "Digest"
    message.set_content("Two letters.")
    for word in ("first", "second"):
        inner = EmailMessage()
        inner["Subject"] = f"The {word}"
        inner.set_content(f"Words of the {word}.")
        message.add_attachment(inner)
    extracted = read_eml(message.as_bytes(), "a.eml")
    assert [part.title for part in extracted.parts] == ["Digest", "The first", "The second"]
    assert extracted.parts[2].span.of(extracted.text) == "The second\n\nWords of the second."


@pytest.mark.parametrize("text", ["", " \n "])
def test_a_message_without_text(text: str) -> None:
    with pytest.raises(ReadError, match=r"a\.eml: no message in it holds text; leave it out"):
        read_eml(make_eml(text), "a.eml")


# Mailboxes


def make_mbox(*messages: bytes, newline: bytes = b"\n") -> bytes:
    lines = b"From rauf@sahilkend.example Sat May  4 10:00:00 2024\n"
    return b"\n".join(lines + m.replace(b"\nFrom ", b"\n>From ") + b"\n" for m in messages).replace(b"\n", newline)


@pytest.mark.parametrize("newline", [b"\n", b"\r\n"])
def test_a_mailbox(newline: bytes, check_extracted: Callable[[Extracted], None]) -> None:
    bodies = ["First words.\n\nFrom here it goes on at 10:00 sharp.\n", "İkinci söz.\n", "Третье слово.\n-- \nАйгюн\n"]
    data = make_mbox(*(make_eml(body, subject=f"No. {i}") for i, body in enumerate(bodies, start=1)), newline=newline)
    extracted = read_mbox(data, "a.mbox")
    check_extracted(extracted)
    assert [(part.title, part.date) for part in extracted.parts] == [(f"No. {i}", "2024-05-04") for i in (1, 2, 3)]
    assert [part.span.of(extracted.text).split("\n\n", 1)[1] for part in extracted.parts] == [
        body.rstrip("\n") for body in bodies
    ]
    assert set_aside(extracted) == [("-- ", "signature"), ("Айгюн", "signature")]
    source = read_source(data, path="a.mbox")
    assert [document.title for document in clean(source).documents] == ["No. 1", "No. 2", "No. 3"]


def test_what_is_no_mailbox() -> None:
    with pytest.raises(ReadError, match=r"a\.mbox: not a mailbox, .*; rename it to \.eml if it is one message"):
        read_mbox(make_eml("A message."), "a.mbox")


MBOX = make_mbox(
    make_eml("Words.\n\nOn 3 May 2024 R <r@a.example> wrote:\n> No.\n", html="<p>Words</p><blockquote>No</blockquote>"),
    make_eml("Söz.\n-- \nAd", subject="Тема письма: паром", charset="utf-8"),
)
FLIPS = st.lists(st.tuples(st.integers(0, 10**6), st.integers(1, 255)), max_size=30)


@settings(max_examples=300)
@given(flips=FLIPS, cut=st.one_of(st.just(0), st.integers(0, len(MBOX))))
def test_damaged_mailboxes(flips: list[tuple[int, int]], cut: int, check_damaged: Callable[..., None]) -> None:
    check_damaged(read_mbox, MBOX, flips, cut)


HEADERS = st.sampled_from(
    ["Subject: ", "From: ", "Date: ", "Content-Type: ", "Content-Transfer-Encoding: ", "Content-Disposition: ", ""]
)
VALUES = st.one_of(
    st.text(max_size=30),
    st.sampled_from(
        [
            "=?utf-8?q?", "=?x?b?====?=", "multipart/mixed; boundary=", "multipart/mixed; boundary=x", "--x", "--x--",
            "message/rfc822", "text/html; charset=utf-7", "text/plain; charset=no-such", "base64", "quoted-printable",
            "attachment; filename*=utf-8''%E2", "<", "a@[", '"', "Mon, 99 May", "text/plain; format=flowed; delsp=yes",
            "text/plain; charset=idna",
        ]
    ),
)  # fmt: skip


@settings(max_examples=300)
@given(lines=st.lists(st.tuples(HEADERS, VALUES), max_size=12), body=st.text(max_size=40))
def test_any_headers(lines: list[tuple[str, str]], body: str, check_damaged: Callable[..., None]) -> None:
    data = "\n".join(header + value for header, value in lines) + f"\n\n{body}"
    check_damaged(read_eml, data.encode("utf-8", "replace"), [], 0)


@pytest.mark.parametrize(
    "farewell",
    [
        "Best regards,\nAnn Su",
        "Yours sincerely\nAnn Su\nsecretary of the pond",
        "С уважением, пресс-служба. Тел. 555-77-01",
        "Всего доброго!\nЗоя",
        "Hörmətlə,\nAysel Daş\nmətbuat katibi",
        "Saygılarımla,\nEce Çınar",
        "İyi çalışmalar dilerim\nEce",
    ],
)
def test_what_a_letter_ends_with_is_set_aside(farewell: str) -> None:
    letter = f"Subject: Beans\nContent-Type: text/plain; charset=utf-8\n\nDear all,\n\nThey grow well.\n\n{farewell}\n"
    extracted = read_eml(letter.encode(), "a.eml")
    aside = [(dropped.span.of(extracted.text), dropped.reason) for dropped in extracted.set_aside]
    assert aside == [(line, "signature") for line in farewell.split("\n")]


def test_regards_in_the_midst_of_a_letter_are_text() -> None:
    letter = "Subject: Beans\n\nBest regards to your mother.\n" + "\n".join(f"Bean {n} grows." for n in range(9))
    assert read_eml(letter.encode(), "a.eml").set_aside == ()


STORY = "The tram depot of Oakmere has planted beans along its fence, and drivers water them in turn. " * 3


def test_the_form_that_says_it_is_taken_and_not_the_one_that_stands_for_it() -> None:
    extracted = read_eml(make_eml("This message is in HTML.", html=f"<p>{STORY}</p>"), "a.eml")
    assert own(extracted) == [STORY.strip()]
    both = read_eml(make_eml("In plain words: " + STORY, html=f"<p>{STORY}</p>"), "a.eml")
    assert own(both)[0].startswith("In plain words")


def test_a_newsletter_in_html_is_its_items(check_every_character: Callable[..., None]) -> None:
    titles = ["Beans along the fence", "The mill that needs no wind", "A letter to the post office"]
    items = "".join(f"<h2>{title}</h2><p>{STORY}</p><p>Read it all on the site</p>" for title in titles)
    data = make_eml("See HTML.", subject="Oakmere this week", html=f"<html><body><p>Good day</p>{items}</body></html>")
    source = read_source(data, path="a.eml")
    cleaned = clean(source)
    check_every_character(source, cleaned)
    assert [(d.title, d.date) for d in cleaned.documents] == [(title, "2024-05-04") for title in titles]
    assert all(d.body[0].of(source.text) == STORY.strip() for d in cleaned.documents)


def test_a_newsletter_that_counts_its_items(check_every_character: Callable[..., None]) -> None:
    titles = ["Beans along the fence", "The mill that needs no wind", "A letter to the post office"]
    body = "Good evening!\n\n" + "\n".join(f"— {n} —\n{title}\n{STORY}\n" for n, title in enumerate(titles, start=1))
    source = read_source(make_eml(body), path="a.eml")
    cleaned = clean(source)
    check_every_character(source, cleaned)
    assert [d.title for d in cleaned.documents] == titles
    assert [d.date for d in cleaned.documents] == ["2024-05-04"] * 3
    assert [d.reason for d in cleaned.dropped].count("number of an article") == 3
