"""Every screen as SVG and PNG: `python -m tests.screenshots` writes screenshots/.

The clock and the backend are scripted, so two runs give equal files. PNGs are drawn with DejaVu
Sans Mono where it is installed; without it only the SVGs are written.
"""

from __future__ import annotations

import asyncio
import re
import sys
from pathlib import Path

from tests.ui.scenes import SCENES, Scene, play

OUT = Path(__file__).resolve().parent.parent / "screenshots"
FONTS = [
    Path("/usr/share/fonts/truetype/dejavu") / name
    for name in ("DejaVuSansMono.ttf", "DejaVuSansMono-Bold.ttf", "DejaVuSansMono-Oblique.ttf")
]


def local_font(svg: str) -> str:
    """The SVG without web fonts and without identifiers that change from run to run."""
    svg = re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL)
    svg = svg.replace("Fira Code", "DejaVu Sans Mono")
    names = dict.fromkeys(re.findall(r"terminal-\d+", svg))
    for name in names:
        svg = svg.replace(name, "terminal")
    return svg


async def shoot(scene: Scene, folder: Path) -> None:
    async def take(app: object) -> None:
        svg = local_font(app.export_screenshot(title="wallarm-apigw"))  # type: ignore[attr-defined]
        (folder / f"{scene.name}.svg").write_text(svg, encoding="utf-8")
        fonts = [str(p) for p in FONTS if p.exists()]
        if fonts:
            import resvg_py

            png = resvg_py.svg_to_bytes(
                svg_string=svg, font_files=fonts, skip_system_fonts=True,
                monospace_family="DejaVu Sans Mono", zoom=1,
            )  # fmt: skip
            (folder / f"{scene.name}.png").write_bytes(bytes(png))

    await play(scene, take)


def main() -> int:
    wanted = set(sys.argv[1:])
    OUT.mkdir(exist_ok=True)
    for scene in SCENES:
        if not wanted or scene.name in wanted:
            asyncio.run(shoot(scene, OUT))
            print(scene.name)
    return 0


if __name__ == "__main__":
    sys.exit(main())
