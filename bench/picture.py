"""picture.py: the tables of bench/results as one picture: for each row and peer a bar as long as the peer's time over
rnnc's, on a logarithmic scale, with the least and the largest ratio of the rounds as a line."""
import csv
import math
import os

COLOURS = {"oneDNN": "#4c78a8", "ONNX": "#f58518", "PyTorch": "#54a24b", "TorchScript": "#88d27a", "rnnc": "#999999"}
LEFT, WIDTH, BAR, GAP = 190, 560, 11, 5


def read(results):
    """[(section, row, peer, ratio, least, most)] of all tables that are there."""
    lines = []
    for name in sorted(os.listdir(results)):
        if name.endswith(".csv"):
            with open(f"{results}/{name}", newline="") as file:
                lines += [line for line in csv.DictReader(file) if line.get("ratio")]
    numbers = "ratio", "ratio_least", "ratio_most"
    return [(l["section"], l["row"], l["peer"], *(float(l[k]) for k in numbers)) for l in lines]


def escape(text):
    return text.replace("&", "&amp;").replace("<", "&lt;")


def draw(results):
    lines = read(results)
    if not lines:
        return
    low = min(0.5, *(l[4] for l in lines))
    high = max(2, *(l[5] for l in lines))

    def at(ratio):
        return LEFT + WIDTH * math.log(ratio / low) / math.log(high / low)
    body, y, last = [], 40, (None, None)

    def text(x, where, words, anchor="start", extra=""):
        body.append(f'<text x="{x:.1f}" y="{where:.1f}" text-anchor="{anchor}"{extra}>{escape(words)}</text>')
    for section, row, peer, ratio, least, most in lines:
        if section != last[0]:
            y += 22
            text(8, y, f"Section {section}", extra=' font-weight="bold"')
            y += 8
        elif row != last[1]:
            y += GAP
        if (section, row) != last:
            text(LEFT - 6, y + BAR - 1, row, "end")
        last = section, row
        colour = next((c for start, c in COLOURS.items() if peer.startswith(start)), "#b279a2")
        a, b = sorted((at(1), at(ratio)))
        body.append(f'<rect x="{a:.1f}" y="{y}" width="{max(b - a, 1):.1f}" height="{BAR}" fill="{colour}"/>')
        middle = y + BAR / 2
        body.append(f'<line x1="{at(least):.1f}" x2="{at(most):.1f}" y1="{middle}" y2="{middle}" stroke="#000"/>')
        text(max(at(most), at(1)) + 5, y + BAR - 1, f"{ratio:.2f}  {peer}")
        y += BAR + 2
    height = y + 20
    for power in range(math.floor(math.log2(low)), math.ceil(math.log2(high)) + 1):
        ratio = 2.0 ** power
        if low <= ratio <= high:
            x = at(ratio)
            colour, width = ("#000", 1.5) if ratio == 1 else ("#ddd", 1)
            body.insert(0, f'<line x1="{x:.1f}" x2="{x:.1f}" y1="42" y2="{height - 10}" stroke="{colour}" '
                           f'stroke-width="{width}"/>')
            text(x, 36, f"{ratio:g}", "middle")
    with open(results + "/ratios.svg", "w", encoding="utf-8") as file:
        file.write(f'<svg xmlns="http://www.w3.org/2000/svg" width="{LEFT + WIDTH + 200}" height="{height:.0f}" '
                   f'font-family="sans-serif" font-size="11">\n<rect width="100%" height="100%" fill="#fff"/>\n'
                   f'<text x="8" y="18" font-size="14">Time of the peer over that of rnnc: right of 1, rnnc is faster'
                   '</text>\n')
        file.write("\n".join(body) + "\n</svg>\n")
