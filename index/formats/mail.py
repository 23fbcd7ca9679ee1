"""EML and MBOX: messages, each an item under its subject; what they quote and how they are signed is set aside."""

from __future__ import annotations

import email
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from email.message import EmailMessage, MIMEPart
from email.policy import default as policy
from pathlib import PurePosixPath

from index.errors import ReadError
from index.formats import Extracted
from index.formats.items import items
from index.formats.layout import furniture
from index.formats.markup import parse_html as parse_page
from index.formats.markup import render
from index.formats.text import TextBuilder, one_line, storable
from index.formats.xhtml import block_text, parse_html
from index.said import said
from index.values import DroppedSpan, Part, Span

_QUOTED = "quoted reply"
_SIGNATURE = "signature"
_FORWARDED = "header of a forwarded message"

# The line of an mbox that begins a message. Messages that hold such a line write it with ">" before.
_FROM_LINE = re.compile(rb"(?:\A|(?<=\n\n)|(?<=\n\r\n))From [^\n]*[0-9]{2}:[0-9]{2}[^\n]*\n")
_ESCAPED_FROM = re.compile(rb"^>(?=>*From )", re.MULTILINE)

_ATTRIBUTION = re.compile(
    r"(?i)on .{6,200} wrote:|"
    r".{0,200}\b(?:на)?писал(?:\(а\)|а|и)?:|"  # ru
    r".{0,200}\b(?:şunu |şunları )?yazd[ıi](?:lar)?:|"  # tr, az
    r".{0,200}\b(?:yazıb|yazmışdır|yazır|yazmış):|"  # az, tr
    r".{0,200}<[^<>\s]+@[^<>\s]+>:"  # how Gmail writes it in Russian and others
)
_LONGEST_ATTRIBUTION = 250  # characters of a line
# An attribution with nothing quoted below it stands above a reply that is not marked; but a sentence may end so, too.
_SURELY_ATTRIBUTION = re.compile(r"\S@\S|\b\d{1,2}:\d\d\b")
_ORIGINAL = re.compile(
    r"(?i)\W*(original message|исходное сообщение|orijinal mesaj|özgün ileti|orijinal ileti|ilkin mesaj)\W*"
)
_FORWARD = re.compile(
    r"(?i)-{4,}\W*(forwarded message|пересылаемое сообщение|пересланное сообщение|yönlendirilen mesaj|"
    r"iletilen ileti|yönləndirilmiş mesaj|yönləndirilən mesaj)\W*"
)
_HEADER = re.compile(
    r"(?i)\W{0,2}(from|sent|to|cc|date|subject|reply-to|от|отправлено|кому|копия|дата|тема|от кого|kimden|gönderen|"
    r"gönderildi|gönderme tarihi|kime|bilgi|tarih|konu|kimdən|göndərən|göndərilib|kimə|tarix|mövzu)\W{0,2}:.*"
)
_FEWEST_HEADERS = 3
_SENT_FROM = re.compile(
    r"(?i)sent from (my|yahoo|mail|outlook).{0,60}|get outlook for \w+.{0,40}|отправлено (с|из) .{0,60}|"
    r"\S+['’]?(um|üm|ım|im)?d[ae]n gönd[əe]rildi\.?"
)
_SIGNATURE_LINES = 20
# How letters end. What follows is a name, an office, a telephone.
_FAREWELL = re.compile(
    r"(?i)(?:(?:with )?(?:best|kind|kindest|warm|warmest) (?:regards|wishes)|(?:with )?regards|(?:yours )?(?:sincerely|"
    r"faithfully|truly)(?: yours)?|yours|cheers|с (?:глубоким |большим )?(?:уважением|наилучшими пожеланиями|приветом)|"
    r"искренне ваш\w*|всего (?:доброго|хорошего|наилучшего)|(?:dərin |ən dərin )?hörmətlə|ehtiramla|"
    r"ən xoş arzularla|salamlarla|saygılarım(?:la|ızla)|saygılar|sevgiler(?:imle|le)?|selamlar|"
    r"(?:en )?iyi dileklerim(?:le|izle)|iyi çalışmalar)(?:[\s,.!–—-].{0,80})?"
)
_FAREWELL_LINES = 6
_STUB = 0.25  # of the letters of the fullest form of a message: what has fewer stands in for it
_FAREWELL_CHARACTERS = 80


@dataclass(frozen=True, slots=True)
class _Message:
    subject: str
    author: str
    date: str
    lines: tuple[str, ...]
    attachments: tuple[str, ...]
    items: tuple[Part, ...] = ()  # of a newsletter, by their places in its lines


def read_eml(data: bytes, path: str, *, readable: Collection[str] = ()) -> Extracted:
    """A message: its subject and its text. Raises ReadError.

    Attachments are not read; those whose suffix is among `readable` are told of as problems.
    """
    try:
        messages = list(_messages(data))
    except Exception as error:  # the parser of the standard library raises many kinds for headers that are damaged
        broken = "{file}: not a whole message ({why}); save it anew, or its text as .txt"
        raise ReadError(said("message_broken", broken, file=path, why=f"{type(error).__name__}: {error}")) from error
    return _extracted(messages, [], path, readable)


def read_mbox(data: bytes, path: str, *, readable: Collection[str] = ()) -> Extracted:
    """The messages of a mailbox, each under its subject; one that is damaged stops no other. Raises ReadError."""
    starts = list(_FROM_LINE.finditer(data))
    if not starts or data[: starts[0].start()].strip():
        other = "{file}: not a mailbox, which begins with a line From; rename it to .eml if it is one message"
        raise ReadError(said("no_mailbox", other, file=path))
    messages: list[_Message] = []
    problems: list[str] = []
    ends = [match.start() for match in starts[1:]] + [len(data)]
    for number, (match, end) in enumerate(zip(starts, ends, strict=True), start=1):
        try:
            messages.extend(_messages(_ESCAPED_FROM.sub(b"", data[match.end() : end])))
        except Exception as error:  # as above
            broken = "{file}: message {number} cannot be read ({why}); save it as a file of its own in the mail program"
            why = f"{type(error).__name__}: {error}"
            problems.append(said("message_unreadable", broken, file=path, number=number, why=why))
    return _extracted(messages, problems, path, readable)


def _extracted(messages: list[_Message], problems: list[str], path: str, readable: Collection[str]) -> Extracted:
    text = TextBuilder()
    parts: list[Part] = []
    set_aside: list[DroppedSpan] = []
    for message in messages:
        problems += [
            said(
                "attachment", "{file}: attachment {name} is not read; save it next to the message", file=path, name=name
            )
            for name in message.attachments
            if PurePosixPath(name).suffix.lower() in readable
        ]
        if not any(line.strip() for line in message.lines):
            continue
        if any("\N{REPLACEMENT CHARACTER}" in line for line in message.lines):
            lost = (
                "{file}: letters of message {name!r} are lost, since it is not in the encoding that it names; "
                "save its text as .txt in UTF-8"
            )
            problems.append(said("message_letters", lost, file=path, name=message.subject))
        start = len(text)
        if message.subject:
            start = text.add(message.subject, gap="\n\n\n").start
        if message.items:
            begin = text.add("\n".join(message.lines), gap="\n\n").start
            parts += (replace(item, span=item.span.shift(begin)) for item in message.items)
            continue
        for i, (line, reason) in enumerate(zip(message.lines, _reasons(message), strict=True)):
            span = text.add(line, gap="\n" if i else "\n\n" if message.subject else "\n\n\n")
            if i == 0 and not message.subject:
                start = span.start
            if reason and line.strip():
                set_aside.append(DroppedSpan(span, reason))
        parts.append(Part(Span(start, len(text)), message.subject, message.date, message.author))
    if not parts:
        why = f" ({problems[0]})" if problems else ""
        empty = "{file}: no message in it holds text{why}; leave it out, or save what it carries as files"
        raise ReadError(said("no_message", empty, file=path, why=why))
    first = parts[0] if len(parts) == 1 else Part(Span(0, 0))
    return Extracted(
        text.text(), first.title, first.date, first.author, "", tuple(parts), tuple(set_aside), problems=tuple(problems)
    )


def _messages(data: bytes) -> Iterator[_Message]:
    """A message, and those that are attached to it whole, as in a digest."""
    message = email.message_from_bytes(re.sub(rb"\AFrom [^\n]*\n", b"", data), policy=policy)
    for part in message.walk():
        carried = part.get_payload() if part.get_content_type() == "message/rfc822" else None
        if part is message:
            yield _message(message)
        elif isinstance(carried, list) and carried and isinstance(carried[0], EmailMessage):
            yield _message(carried[0])


def _message(message: EmailMessage) -> _Message:
    sent = message["date"].datetime if message["date"] is not None else None
    addresses = message["from"].addresses if message["from"] is not None else ()
    bodies = [_text(body) for kind in ("plain", "html") if (body := message.get_body((kind,))) is not None]
    words = _fuller(bodies)
    told = _Message(
        subject=one_line(message["subject"] or ""),
        author=one_line(addresses[0].display_name or addresses[0].addr_spec) if addresses else "",
        date=sent.date().isoformat() if sent is not None else "",
        lines=tuple(storable(words).strip().split("\n")) if words.strip() else (),
        attachments=tuple(one_line(part.get_filename() or "") for part in message.iter_attachments()),
    )
    page = message.get_body(("html",))
    return told if page is None or words != bodies[-1] else _as_newsletter(told, page)


def _as_newsletter(message: _Message, body: MIMEPart) -> _Message:
    """A message in HTML with its items, if it has several."""
    tree, _ = parse_page(_decoded(body))
    if tree is None or next(tree.iter("blockquote"), None) is not None:
        return message
    rendered = render(tree)
    found = items(rendered, furniture(rendered.lines), title=message.subject)
    if not found or storable(rendered.text) != rendered.text:
        return message
    spans = (Span(rendered.lines[i.first].span.start, rendered.lines[i.end - 1].span.end) for i in found)
    parts = (
        Part(span, item.title, item.date or message.date, item.author) for span, item in zip(spans, found, strict=True)
    )
    return replace(message, lines=tuple(rendered.text.split("\n")), items=tuple(parts))


def _fuller(bodies: Sequence[str]) -> str:
    """The first of the forms of a message, unless it hardly says more than that there is another."""
    whole = max(map(_letters, bodies), default=0)
    return next((body for body in bodies if _letters(body) >= _STUB * whole), "")


def _letters(text: str) -> int:
    return sum(map(str.isalpha, text))


def _decoded(body: MIMEPart) -> str:
    content = body.get_payload(decode=True)
    content = content if isinstance(content, bytes) else b""
    try:
        return content.decode(body.get_content_charset("utf-8"))
    except (LookupError, UnicodeError):
        return content.decode("utf-8", "replace")


def _text(body: MIMEPart) -> str:
    text = _decoded(body)
    if body.get_content_subtype() == "html":
        return html_message_lines(text)
    return _unflowed(text, body) if body.get_param("format") == "flowed" else text


def html_message_lines(markup: str) -> str:
    """The text of a message in HTML, what it quotes marked with ">" as in plain text.

    Written for messages alone: it knows nothing of menus and adverts, which web pages have.
    """
    root = parse_html(markup)
    if root is None:
        return ""
    for quote in reversed(list(root.iter("blockquote"))):
        lines = block_text(quote).split("\n")
        quote.clear(keep_tail=True)
        quote.tag = "pre"
        quote.text = "\n".join(f"> {line}" for line in lines)
    return block_text(root)


def _unflowed(text: str, body: MIMEPart) -> str:
    """Lines that end in a space go on in the next one (RFC 3676)."""
    cut = 1 if str(body.get_param("delsp", "no")).lower() == "yes" else 0
    lines: list[str] = []
    goes_on = False
    for line in storable(text).split("\n"):
        line = line.removeprefix(" ")
        if goes_on and line != "-- " and not line.startswith(">"):
            lines[-1] += line
        else:
            lines.append(line)
        goes_on = line.endswith(" ") and line != "-- " and not line.startswith(">")
        if goes_on and cut:
            lines[-1] = lines[-1][:-cut]
    return "\n".join(lines)


def _reasons(message: _Message) -> list[str]:
    """Why each line of a message is not its own text, or "". If none is its own, all are: it is the only copy."""
    lines = [line.strip() for line in message.lines]
    forwards = bool(re.match(r"(?i)(fwd?|wg|пересл|ilt|yönl)\W", message.subject))
    reasons = [_QUOTED if line.startswith(">") else "" for line in lines]
    for i in range(len(lines)):
        if reasons[i] or not lines[i]:
            continue
        headers = _headers(lines, i)
        if _ORIGINAL.fullmatch(lines[i]) or _FORWARD.fullmatch(lines[i]) or headers >= _FEWEST_HEADERS:
            if forwards or _FORWARD.fullmatch(lines[i]):
                block = max(headers, 1 + _headers(lines, i + 1))
                reasons[i : i + block] = [_FORWARDED] * min(block, len(lines) - i)
            else:
                reasons[i:] = [_QUOTED] * (len(lines) - i)
        elif height := _attribution_lines(lines, i):
            below = next((k for k in range(i + height, len(lines)) if lines[k]), len(lines))
            if below < len(lines) and lines[below].startswith(">"):
                reasons[i : i + height] = [_QUOTED] * height
            elif _SURELY_ATTRIBUTION.search(" ".join(lines[i : i + height])):
                reasons[i:] = [_QUOTED] * (len(lines) - i)
    own = [i for i, line in enumerate(lines) if line and not reasons[i]]
    for place, i in enumerate(own):
        if lines[i] == "--" and len(own) - place <= _SIGNATURE_LINES:
            for k in own[place:]:
                reasons[k] = reasons[k] or _SIGNATURE
        elif _SENT_FROM.fullmatch(lines[i]):
            reasons[i] = reasons[i] or _SIGNATURE
    last = [i for i in own if not reasons[i]][-_FAREWELL_LINES:]
    for place, i in enumerate(last):
        short = all(len(lines[k]) <= _FAREWELL_CHARACTERS for k in last[place + 1 :])
        if short and _FAREWELL.fullmatch(lines[i]):
            for k in last[place:]:
                reasons[k] = _SIGNATURE
            break
    return (
        reasons if any(line and not reason for line, reason in zip(lines, reasons, strict=True)) else [""] * len(lines)
    )


def _headers(lines: list[str], start: int) -> int:
    """How many lines from `start` on, blank ones between them counted, are headers of a message."""
    end = start
    for i in range(start, len(lines)):
        if lines[i] and not _HEADER.fullmatch(lines[i]):
            break
        end = i + 1 if lines[i] else end
        if i >= start + 12:
            break
    return end - start if end > start and _HEADER.fullmatch(lines[start]) else 0


def _attribution_lines(lines: list[str], i: int) -> int:
    """Over how many lines the words run that say who wrote what is quoted below; 0 if none do."""
    if len(lines[i]) > _LONGEST_ATTRIBUTION:
        return 0
    if _ATTRIBUTION.fullmatch(lines[i]):
        return 1
    begins = (i == 0 or not lines[i - 1]) and (_SURELY_ATTRIBUTION.search(lines[i]) or lines[i].startswith("On "))
    if (
        begins
        and i + 1 < len(lines)
        and len(lines[i + 1]) <= _LONGEST_ATTRIBUTION
        and _ATTRIBUTION.fullmatch(f"{lines[i]} {lines[i + 1]}")
    ):
        return 2
    return 0
