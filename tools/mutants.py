"""The places in a header where it can be broken, for tools/mutate.py.

Not mutated, by rule:
  comments, strings, preprocessor lines, static_assert, what is passed to fail(), that is, texts of errors;
  declarations of types and templates, concepts, template arguments (TYPE_LEVEL, and any `<` without blanks around it);
  the metadata of an objective (objective_info, which the property battery tests as a whole);
  lines that steer speed or only reserve memory (SPEED_ONLY): prefetching, streaming stores, tile, chunk and block sizes,
  thread counts, cache lines, the layout of scratch;
  a second place in an expression that is broken already.
"""
import collections, hashlib, re

TYPE_LEVEL = re.compile(r"^\s*(using |template <|requires|concept |friend |public:|private:|virtual |namespace |enum |struct |class |DISTILL_NAMESPACE)")
SPEED_ONLY = re.compile(r"prefetch|stream|upcoming|\bahead\b|\bnext\b|chunk|tile_rows|tiles_|cache_line|scratch|reserve|"
                        r"_size\(|longest_short_row|batches_per_block|threads|rank_rows|largest_power|alignas")

def blanked(text):
    """The text with everything that is not to be mutated as blanks, in place."""
    blank = lambda m: re.sub(r"[^\n]", " ", m.group())
    text = re.sub(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])+\'', blank, text, flags=re.S)
    text = re.sub(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", blank, text, flags=re.M)
    for opening in (r"\bstatic_assert\(", r"\bfail\(", r"\bobjective_info info\{", r"\brequires\(", r"\brequires \{"):
        for m in reversed(list(re.finditer(opening, text))):
            end = closing(text, m.end() - 1)
            text = text[:m.start()] + re.sub(r"[^\n]", " ", text[m.start():end]) + text[end:]
    lines = [" " * len(l) if TYPE_LEVEL.search(l) or SPEED_ONLY.search(l) else l for l in text.split("\n")]
    return "\n".join(lines)


def closing(text, start):
    """One past the bracket that closes the one at start."""
    depth = 0
    for i in range(start, len(text)):
        depth += (text[i] in "([{") - (text[i] in ")]}")
        if depth == 0:
            return i + 1
    return len(text)


def arguments(text, start):
    """[begin, end) of each argument of the call whose bracket opens at start."""
    end, cuts, i = closing(text, start) - 1, [start], start + 1
    while i < end:
        if text[i] in "([{":
            i = closing(text, i)
            continue
        if text[i] == ",":
            cuts.append(i)
        i += 1
    return [(a + 1, b) for a, b in zip(cuts, cuts[1:] + [end])]


TWINS = re.compile(r"\b(?:(p|log|kept|inverse|scale|log_sum|centre|z|u|to|per|raised|top|row|sum)_([st])|(ps|pt)_(phi|expm1)|"
                   r"(to_student|to_teacher))\b")
NUMBER = re.compile(r"(?<![\w.])(\d+(?:\.\d*)?(?:[eE][+-]?\d+)?)([fFuUlL]*)(?![\w.])")
SHIFT = re.compile(r" - (?:static_cast<\w+>\()?(?:m|top|max|max_|lowest|mean|centre|centre_[st]|line\.centre|sites_\.max|taken_max)\b(?!\.| *=)")


def mutants_of(file, source):
    """Every mutant of the file."""
    code, found = blanked(source), []
    add = lambda operator, a, b, new: found.append(Mutant(operator, file, source, code, a, b, new))
    for m in re.finditer(r"(?<=\S) ([+-]) (?=\S)", code):
        add("sign", m.start(1), m.end(1), "-" if m[1] == "+" else "+")
    for m in re.finditer(r"(?:(?<=[(,{=?:*\[])|(?<=[(,{=?:*\[] )|(?<=return ))-(?=[\w(])", code):
        add("sign", m.start(), m.end(), "")
    for m in SHIFT.finditer(code):
        end = m.end()
        while end < len(code) and code[end] in "([":
            end = closing(code, end)
        if code[end:end + 1] == ")" and "static_cast" in m[0]:
            end += 1
        if code[end:end + 2] in (" *", " /"):
            continue
        add("dropped shift", m.start(), end, "")
    for m in re.finditer(r"\bselect\(", code):
        parts = arguments(code, m.end() - 1)
        if len(parts) == 3:
            (a, b), (c, d) = parts[1:]
            whole = source[m.start():a] + f" {source[c:d].strip()}, {source[a:b].strip()})"
            add("swapped operands", m.start(), d + 1, whole)
    for m in TWINS.finditer(code):
        stem, side, phi, kind, slope = m.groups()
        new = (f"{stem}_{'ts'[side == 't']}" if stem else f"{'pt' if phi == 'ps' else 'ps'}_{kind}" if phi else
               {"to_student": "to_teacher", "to_teacher": "to_student"}[slope])
        declared = re.match(r"\s*(?:\{|=(?!=)|,\s*\w+\s*[;,{=(]|;)", code[m.end():]) and re.search(r"\b[\w>&*]+ [\w, ]*$", code[:m.start()].split("\n")[-1])
        if not declared:
            add("swapped operands", m.start(), m.end(), new)
    for m in re.finditer(r"(?<=\S) (<=?|>=?|&&|\|\|) (?=\S)", code):
        new = {"<": "<=", "<=": "<", ">": ">=", ">=": ">", "&&": "||", "||": "&&"}[m[1]]
        add("and, or" if m[1] in ("&&", "||") else "comparison", m.start(1), m.end(1), new)
    for m in NUMBER.finditer(code):
        line = code[code.rfind("\n", 0, m.start()) + 1:m.start()]
        if re.search(r"(?<! )<[^<>;()]*$|\boperator$|case $", line):
            continue
        floating = "." in m[1] or "e" in m[1].lower() or re.search(r"\b[TV]\($", line)
        value = float(m[1]) if floating else int(m[1])
        add("constant", m.start(), m.end(), f"{value * 1.001 if value else 0.001!r}{m[2]}" if floating else f"{value + 1}{m[2]}")
    for m in re.finditer(r"([\w.]+(?:\[[^\n;=]*?\])*) (\+|-|\*|\|)= ", code):
        add("dropped merge", m.end(1) + 1, m.end() - 1, "=")
    for m in re.finditer(r"(?<![\w.>])([\w.]+(?:\[[^\n;=]*?\])*) = (\1 (?:\+|-|\*|&&|\|\|) )", code):
        add("dropped merge", m.start(2), m.end(2), "")
    return found


def expression(code, start, end):
    """The bounds of the whole expression around [start, end): up to a bracket, comma, semicolon, =, ?, : or a keyword."""
    depth, a = 0, start
    while a > 0:
        c = code[a - 1]
        depth += (c in ")]}") - (c in "([{")
        if depth < 0 or depth == 0 and (c in ",;?" or c == ":" and ":" not in (code[a - 2], code[a])
                                        or c == "=" and code[a - 2] not in "=<>!" and code[a] != "="
                                        or re.search(r"\b(?:return|else|case)\s$", code[max(0, a - 8):a])):
            break
        if depth == 1 and c == "}" and re.match(r" *\n", code[a:a + 200]):
            break
        if depth == 1 and c == ")" and re.search(r"\b(?:if|for|while|switch) $", code[:opening(code, a - 1)]):
            break
        a -= 1
    b, ends = end, ",;)]}" if re.fullmatch(r"[-+*|]=", code[start:end]) else ",;?)]}"  # an assignment takes a ?: along
    while b < len(code) and code[b] not in ends:
        if code[b] in "([{":
            b = closing(code, b)
            continue
        if "?" in ends and code[b] == ":" and ":" not in (code[b - 1], code[b + 1]):
            break
        if code[b] == "=" and code[b + 1] != "=" and code[b - 1] not in "=<>!+-*|/":
            break
        b += 1
    return a + len(code[a:b]) - len(code[a:b].lstrip()), a + len(code[a:b].rstrip())


def opening(text, end):
    """Where the bracket opens that closes at end."""
    depth = 0
    for i in range(end, -1, -1):
        depth += (text[i] in ")]}") - (text[i] in "([{")
        if depth == 0:
            return i
    return 0


class Mutant:
    """source[start:end] replaced by `new`. `change` shows the line before and after; `switched` is what stands in the place
    of [begin, end), the expression around it; `switches` turns False when that does not compile."""

    def __init__(self, operator, file, source, code, start, end, new):
        self.operator, self.file, self.text = operator, file, source[:start] + new + source[end:]
        self.begin, self.end = expression(code, start, end)
        short = lambda text: " ".join(re.sub(r"//.*", "", text).split())
        self.switched = short(source[self.begin:start] + new + source[end:self.end])  # one line: line numbers stay
        self.line = source.count("\n", 0, start) + 1
        self.lines = {str(n) for n in range(source.count("\n", 0, self.begin) + 1, source.count("\n", 0, self.end) + 2)}
        begin, stop = source.rfind("\n", 0, start) + 1, source.find("\n", end)
        after = source[begin:start] + new + source[end:stop]
        self.change = f"{short(source[begin:stop])}  =>  {short(after)}"
        # What the compiler evaluates has no switch.
        before = code[code.rfind(";", 0, self.begin) + 1:self.begin]
        constant = re.search(r"\bconstexpr\b[\w\s:<>,&*]*[={]", before)
        self.key, self.result, self.switches = f"{file}: {self.change}", None, not constant


def sample(sources, count, seed):
    """Operators in turn; within one the file that has the fewest mutants so far for its size. By hashes, so that an edit
    elsewhere leaves most of the sample as it is."""
    rank = lambda text: hashlib.sha1(f"{seed} {text}".encode()).digest()
    pools, per_file = {}, collections.Counter()
    size = {file: 0 for file in sources}
    for mutant in (m for file, source in sources.items() for m in mutants_of(file, source)):
        pools.setdefault(mutant.operator, {}).setdefault(mutant.file, []).append(mutant)
        size[mutant.file] += 1
    for pool in pools.values():
        for group in pool.values():
            group.sort(key=lambda m: rank(m.key))
    chosen = []
    while len(chosen) < count and any(pools.values()):
        for operator in sorted(o for o in pools if pools[o]):
            file = min(pools[operator], key=lambda f: (per_file[f] / size[f] ** 0.5, rank(f + operator)))
            mutant = pools[operator][file].pop()
            if all(mutant.end <= m.begin or m.end <= mutant.begin for m in chosen if m.file == file):
                chosen.append(mutant)
                per_file[file] += 1
            if not pools[operator][file]:
                del pools[operator][file]
    return chosen[:count]
