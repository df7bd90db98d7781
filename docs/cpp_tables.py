"""Reads the tables that stand in C++ sources: X-macros, constexpr arrays, calls with string arguments."""
import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parent.parent
TOKEN = re.compile(r'\s+|//[^\n]*|"((?:[^"\\]|\\.)*)"|([A-Za-z_]\w*(?:::\w+)*)|(\d[\d\']*)|(.)', re.S)


def read(path):
    return (ROOT / path).read_text()


def tokens(text):
    """(kind, value): "text", "word", "number" or "mark"; comments and white space are left out."""
    for match in TOKEN.finditer(text):
        for kind, value in zip(("text", "word", "number", "mark"), match.groups()):
            if value is not None:
                yield kind, re.sub(r"\\(.)", r"\1", value) if kind == "text" else value


def split_arguments(items, close=")"):
    """The arguments of a call whose opening bracket has been read: a list of token lists, up to its closing one."""
    arguments, depth = [[]], 0
    for kind, value in items:
        if kind == "mark" and value in "({[":
            depth += 1
        elif kind == "mark" and value in ")}]":
            if depth == 0 and value == close:
                break
            depth -= 1
        elif kind == "mark" and value == "," and depth == 0:
            arguments.append([])
            continue
        arguments[-1].append((kind, value))
    return [a for a in arguments if a]


def text_of(argument):
    """An argument's text: adjacent literals joined, a single word as it stands."""
    texts = [value for kind, value in argument if kind == "text"]
    return "".join(texts) if texts else "".join(value for _, value in argument)


def x_macro(path, name):
    """The rows of `#define NAME(X) X(a, "b") ...`, each a tuple of texts."""
    match = re.search(r"#define " + name + r"\(X\)((?:[^\n]*\\\n)*[^\n]*)", read(path))
    if not match:
        raise SystemExit(f"{path}: no table {name}")
    items = tokens(match.group(1).replace("\\\n", "\n"))
    rows = []
    for kind, value in items:
        if (kind, value) == ("word", "X"):
            next(items)
            rows.append(tuple(text_of(a) for a in split_arguments(items)))
    return rows


def calls(text, name):
    """The arguments of each call of `name` in a source's text."""
    for match in re.finditer(r"(?<![\w:>])(?:\w+(?:\.|->))?" + name + r"\(", text):
        yield split_arguments(tokens(text[match.end():]))


def is_raised(enumerator, folder):
    """Whether a source below `folder` uses a table's enumerator: what nobody raises is not documented."""
    word = re.compile(r"::" + enumerator + r"\b")
    return any(word.search(path.read_text()) for path in (ROOT / folder).rglob("*.cc"))


def snake(enumerator):
    """kNotReady -> not_ready, as the metrics' labels have it."""
    return re.sub(r"(?<!^)([A-Z])", r"_\1", enumerator[1:]).lower()


def table(header, rows):
    """A Markdown table; `|` in cells is escaped."""
    def line(cells):
        return "| " + " | ".join(str(c).replace("|", "\\|").replace("\n", " ") for c in cells) + " |\n"
    return line(header) + "|" + "---|" * len(header) + "\n" + "".join(map(line, rows))


def code(text):
    return f"`{text}`" if text else ""
