"""The glosses of WordNet as lists of words: what `glosses` and `gloss_words` share.

A gloss is what follows the bar on a line of WordNet's data.noun, .verb, .adj and .adv: the definition with its
examples. It is put into lower case and cut into words, which are the longest runs of the letters a to z; all else
separates, so "don't" is "don" and "t". Words that have no vector are left out, a repeated word counts each time.
"""

import collections
import hashlib
import re
import sys


def read_glosses(folder, known):
    """All glosses in WordNet's order, each with those of its words that are in `known`."""
    glosses = []
    for kind in "noun", "verb", "adj", "adv":
        path = folder / f"data.{kind}"
        if not path.exists():
            sys.exit(f"{path} is missing; apt-get install wordnet-base")
        for line in path.read_text(encoding="latin-1").splitlines():
            if line.startswith("  ") or " | " not in line:  # the licence
                continue
            text = line.split(" | ", 1)[1].strip()
            glosses.append((text, [w for w in re.findall("[a-z]+", text.lower()) if w in known]))
    return glosses


def frequent(glosses, share):
    """The words that more than this share of the glosses have."""
    holders = collections.Counter(w for _, words in glosses for w in set(words))
    return {w for w, n in holders.items() if n > share * len(glosses)}


def choose(glosses, least, left_out):
    """The glosses with at least `least` words that are not in `left_out`, with these words; of glosses with the same
    words, in whatever order, the first."""
    chosen = []
    seen = set()
    for text, words in glosses:
        words = [w for w in words if w not in left_out]
        same = " ".join(sorted(words))
        if len(words) >= least and same not in seen:
            seen.add(same)
            chosen.append((text, words))
    return chosen


def draw(gloss, seed):
    """Sorting by this key shuffles glosses, alike on every machine."""
    return hashlib.sha256(f"{seed}\n{gloss[0]}".encode()).digest()
