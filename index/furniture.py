"""Furniture: the lines that pages and feeds put around articles. What each is called is why it is dropped.

A line is known as furniture by its words, or by its company: lines like it that the file repeats, a short line among
others that are furniture, what follows the head of a comment section.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from index.lines import PROSE_CHARACTERS, Line, is_sentence
from index.values import Media

# What ends an article in a saved feed. What follows, up to the next title, is furniture too.
STORY_END = re.compile(
    r"read the (whole|full) story|share this story|читать (полностью|всю историю)|ətraflı oxu|hekayəni tam oxu|"
    r"haberin tamamını oku|devamını oku",
    re.IGNORECASE,
)
# What stands between the articles of one file.
MARK = re.compile(
    r"(article|story|item|news|məqalə|xəbər|статья|новость|материал|haber|yazı)\s*(no\.?|№|#)?\s*\d+"
    r"(\s*(of|/|из|dan|dən|-dan|-dən)\s*\d+)?[.:)]?|\[?\d{1,3}\s*(/|of|из)\s*\d{1,3}\]?|\d{1,2}[.)]|№\s*\d+|#\d+",
    re.IGNORECASE,
)
END_MARK = re.compile(
    r"\(?\s*(end|ends|son|sonu|конец|bitti|more|more to follow|davamı var|продолжение следует)\s*\)?|-?\s*30\s*-?|#{2,}",
    re.IGNORECASE,
)

_ADDRESS = r"(https?://|www\.)\S+"
_FURNITURE = tuple(
    (reason, re.compile(words, re.IGNORECASE))
    for reason, words in (
        ("end of story", STORY_END.pattern),
        ("between articles", MARK.pattern),
        ("end mark", END_MARK.pattern),
        ("separator", r"[\W_]+"),
        ("table of contents", r"contents|table of contents|in this issue|mündəricat|bu sayımızda|содержание|в номере|içindekiler"),
        ("table of contents", r".{3,120}(\.{3,}|…{2,}|\t+)\s*\d{1,4}"),
        ("picture", r"!\[[^\]]*\]\([^)]*\)"),
        ("link", r"\[[^\]]*\]\([^)]*\)"),
        ("share bar", r"[\d.,]*\s*(shares?|paylaşım|поделились|paylaşma)"),
        ("share bar", r"(share|tweet|reply|delete|like|print|email|save|copy link|follow( us)?|repost)( this( \w+)?)?"),
        ("share bar", r"(share|follow( us)?|find us|subscribe|like us) (on|via|by|to) .{0,40}"),
        ("share bar", r"(paylaş|bəyən|çap et|cavabla|sil|abunə ol|поделиться|нравится|печать|распечатать|ответить|удалить"
                      r"|подписаться|paylaş|beğen|yazdır|yanıtla|takip et)( .{0,40})?"),
        ("share bar", r"((facebook|twitter|x|whatsapp|telegram|vkontakte|вконтакте|linkedin|instagram|email|e-mail|viber"
                      r"|messenger|pinterest|reddit|одноклассники)[\s|,·/•]*)+"),
        ("counter", r"[\d,.\s]+(k|тыс\.?|min)? ?(stories|followers|comments?|views?|likes?|reads|просмотр\w*|комментари\w*"
                    r"|подписчик\w*|baxış\w*|şərh\w*|oxunma\w*|izləyici\w*|yorum\w*|görüntülenme|okunma|takipçi)"),
        ("counter", r"(views?|просмотров|просмотры|baxış|baxılıb|oxunub|okunma|görüntülenme)\s*[:—-]?\s*[\d,.\s]+"),
        ("age", r"(about |updated )?(\d+|an?) (second|minute|min|hour|day|week|month|year)s? ago"),
        ("age", r"\d+ (saniyə|dəqiqə|saat|gün|həftə|ay|il) (əvvəl|qabaq)|\d+ (saniye|dakika|saat|gün|hafta|ay|yıl) önce"),
        ("age", r"\d+ (секунд\w*|минут\w*|час\w*|день|дня|дней|недел\w*|месяц\w*|год\w*|лет) назад"),
        ("address", _ADDRESS),
        ("address", r"\S+@\S+\.\S+"),
        ("read more", r"next page.{0,20}|loading(\.{3}|…)?|(▼|▲|→|»|←).{0,60}(▼|▲|→|»|←)?"),
        ("read more", r"(read|see|view|show) (more|all|also|next|the rest)( .{0,80})?|continue reading( .{0,80})?"),
        ("read more", r"(read|see) (also|more|next|about)\s*:.{0,160}|(related|more) (stories|articles|news|links|from .{0,60})"),
        ("read more", r"(читайте|читать|смотрите) (далее|дальше|ещё|еще|также|по теме|продолжение).{0,160}|по теме:.{0,160}"),
        ("read more", r"(həmçinin|həm də|bunu da|daha|ardını|davamını) (oxu|oxuyun|bax|baxın|ətraflı).{0,160}|ardı var"),
        ("read more", r"oxşar xəbərlər|digər xəbərlər|əlaqəli (xəbərlər|mövzular).{0,80}|daha çox( .{0,30})?"),
        ("read more", r"(ayrıca|bunu da) (oku|okuyun|bak|bakın)\w*.{0,160}|ilgili haberler.{0,80}|daha fazla.{0,40}"),
        ("read more", r"(похожие|другие|связанные|последние) (новости|статьи|материалы).{0,40}|(most|самое) (read|popular|читаемое)"),
        ("read more", r"ən çox oxunan(lar)?|son xəbərlər|en çok okunan(lar)?|son dakika|latest( news)?|trending( now)?"),
        ("comment form", r"leave a (reply|comment).{0,20}|your email address will not be published.{0,60}"),
        ("comment form", r"(name|email|website|comment|post comment) ?\*?|required fields are marked ?\*?"),
        ("comment form", r"(add|write|post|leave) (a |your )?comment.{0,20}|(log|sign) in to (leave|post|comment|reply).{0,30}"),
        ("comment form", r"(şərh|rəy) (yaz|yazın|bildir|əlavə et)\w*.{0,30}|(оставить|добавить|написать) комментари\w+.{0,30}"
                         r"|yorum (yap|yaz|ekle)\w*.{0,30}"),
        ("navigation", r"back to (the )?(top|home|all posts|list).{0,20}|skip to (main )?content|site map"),
        ("navigation", r"(home( ?page)?|menu|search|next|previous|news|business|weather|sports?|culture|politics|world|local"
                       r"|economy|opinion|video|photos?|gallery|archive|about( us)?|contacts?( us)?|help|log ?in|sign ?in|register"
                       r"|subscribe|advertise|rss|top|close|language|english|русский|azərbaycanca)"),
        ("navigation", r"ana səhifə|menyu|axtar(ış)?|xəbərlər|siyasət|iqtisadiyyat|dünya|idman|mədəniyyət|hava|haqqımızda|əlaqə"
                       r"|giriş|qeydiyyat|yuxarı|arxiv|главная|меню|поиск|новости|политика|экономика|общество|мир|спорт|культура"
                       r"|погода|о нас|контакты|войти|вход|регистрация|наверх|архив|anasayfa|ana sayfa|menü|ara|haberler|gündem"
                       r"|siyaset|ekonomi|dünya|spor|kültür|hakkımızda|iletişim|giriş yap|yukarı"),
        ("navigation", r"[^.!?]{1,40}( [>›»|/•·] [^.!?]{1,40}){2,}"),
        ("tags", r"(tags?|topics?|keywords|filed under|etiketlər|açar sözlər|teqlər|теги|метки|рубрика|kateqoriya|category"
                 r"|etiketler|konular)\s*:.{1,160}"),
        ("newsletter", r"newsletter( sign ?up)?|subscribe to (our|the) (newsletter|channel).{0,160}|unsubscribe.{0,80}"),
        ("newsletter", r"you (receive|are receiving|got) this.{0,120}|view (it )?in (your )?browser"),
        ("advertisement", r"\W*(advertisement|advertising|ad|sponsored( content)?|promoted|реклама|на правах рекламы|reklam|ilan)\W*"),
        ("cookie notice", r"(we use|this site uses|bu sayt|мы используем|сайт использует) .{0,40}(cookie|kuki|çerez|куки).{0,160}"),
        ("cookie notice", r"(accept|reject|allow)( all)?( cookies)?|manage (settings|preferences)|принять( все)?|qəbul et(mək)?"
                          r"|qəbul edirəm|kabul et|cookie settings|got it|согласен|razıyam"),
        ("copyright", r"(©|\(c\)|copyright\b).{0,160}|.{0,80}(all rights reserved|bütün hüquqlar(ı)? qorunur|все права защищены"
                      r"|tüm hakları saklıdır).{0,40}"),
        ("caption", r"[\[(]\s*(photo|image|picture|foto|şəkil|фото|fotoğraf)\w*\b.{0,160}[\])]"),
        ("caption", r"(photo|image|picture|caption|image caption|photo credit|credit|foto|fotoda|şəkil|şəkildə|фото|на фото|фотография"
                    r"|подпись|fotoğraf|fotoğrafta|görsel)( by| caption| credit)?\s*[:/©].{0,160}"),
        ("caption", r"(ap|afp|reuters|getty|epa|tass|azertac|aa|dha|iha)( images?| photo| foto)?\s*/.{0,60}"),
        ("slug", r"[a-z]\d{3,4} \d .{0,60}|[a-z]{2}/[a-z]{2} \d{4}gmt"),
        ("kicker", r"for immediate release|press release|mətbuat (üçün|məlumatı)|пресс-релиз|basın bülteni|print this page|listen"
                   r"|dinlə|слушать|dinle"),
        ("contact", r"(about [^.]{2,40}|[^.]{0,40}\b(haqqında|hakkında)|о (нас|компании|предприятии|проекте))\s*:.{1,220}"),
        ("contact", r"(press |media )?(contact|əlaqə|əlaqə üçün|контакт(ы)?|контактное лицо|iletişim)( \w+)?\s*:.{0,160}"),
    )
)  # fmt: skip
_COMMENTS = re.compile(
    r"(leave a (reply|comment)).{0,20}|(\d+ )?(comments?|şərhlər?|rəylər?|комментари[ийяев]+|yorum(lar)?)( ?\(\d+\))?:?",
    re.IGNORECASE,
)
_MOST_LINES_AFTER_FORM = 40
_COMMENT_CHARACTERS = 400
_REPEATED_CHARACTERS = 60
_SHORT = 60  # characters of a line that its company can make furniture
_AD_CHARACTERS = 160


def mark_furniture(lines: Sequence[Line], *, media: Media) -> list[Line]:
    """The lines, with a reason on each that is furniture.

    Tables, slides and pages repeat short lines that are theirs; what is furniture there, their formats tell.
    """
    marked = [line.drop(furniture_reason(line.text)) for line in lines]
    if media in (Media.TEXT, Media.MARKDOWN, Media.HTML):
        marked = _mark_repeated(marked)
    marked = _mark_after(marked)
    return _mark_company(marked)


def furniture_reason(text: str) -> str:
    """Why a line is furniture by its words alone, or ""."""
    if len(text) > 240:
        return ""
    return next((reason for reason, words in _FURNITURE if words.fullmatch(text)), "")


def _mark_repeated(lines: list[Line]) -> list[Line]:
    def could_be(line: Line) -> bool:
        return len(line.text) <= _REPEATED_CHARACTERS and not is_sentence(line.text)

    counts = Counter(line.text for line in lines if could_be(line))
    return [line.drop("repeated line") if counts[line.text] > 1 else line for line in lines]


def _mark_after(lines: list[Line]) -> list[Line]:
    """What comes with a line before it: an advertisement, a comment section, the name of who shared a story."""
    marked = list(lines)
    for i, line in enumerate(lines):
        following = lines[i + 1] if i + 1 < len(lines) else None
        if following is None:
            break
        if line.reason == "advertisement" and len(following.text) <= _AD_CHARACTERS:
            marked[i + 1] = marked[i + 1].drop("advertisement")
        # A saved feed signs each article with the name of who shared it, just above its age.
        if following.reason == "age" and len(line.text) <= _SHORT and " " not in line.text:
            marked[i] = marked[i].drop("user name")
        if _COMMENTS.fullmatch(line.text) and len(lines) - i <= _MOST_LINES_AFTER_FORM:
            rest = lines[i:]
            if all(len(later.text) <= _COMMENT_CHARACTERS for later in rest):
                marked[i:] = [later.drop("comments") for later in marked[i:]]
                break
    return marked


def _mark_company(lines: list[Line]) -> list[Line]:
    """A short line between two pieces of furniture is furniture, unless a text follows whose title it may be."""
    marked = list(lines)
    below = ""  # the next line that is kept, from the end upwards
    for i in range(len(lines) - 1, 0, -1):
        line = lines[i]
        if line.reason:
            continue
        before, after = lines[i - 1], lines[i + 1] if i + 1 < len(lines) else None
        if (
            before.reason
            and before.reason not in ("between articles", "end of story", "separator")
            and after is not None
            and after.reason
            and not (line.blank_before or after.blank_before)
            and len(line.text) <= _SHORT
            and not is_sentence(line.text)
            and len(below) < PROSE_CHARACTERS
        ):
            marked[i] = line.drop("among furniture")
        below = line.text
    return marked
