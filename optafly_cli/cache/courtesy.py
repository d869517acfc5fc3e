"""What is asked, without the courtesy around it: please, could you tell me, thanks. Pure."""

import re

_VERB = (
    r"(?=(?:fix|explain|review|refactor|describe|summari[sz]e|document|debug|help|show|tell|give|clean|simplify"
    r"|optimi[sz]e|improve|implement|write|rewrite|generate|create|check|find|add|walk|please|kindly)\b"
    r"|(?:split|extract|rename|remove|delete|convert|replace|move|update|change|make|translate|port|merge)"
    r"\s+(?:this|these|my)\b)"
)
"""What "can you" may stand before without asking whether one can ("can you call this from a thread?")."""
_NO_TROUBLE = r"if \s+ (?:it['’]s|it \s+ is) \s+ not \s+ too \s+ much \s+ (?:trouble|bother|work)"
_IF_YOU_LIKE = r"if \s+ you \s+ (?:do \s+ not|don['’]?t) \s+ mind"
_WONDERING = r"""(?:
    (?:can|could|would|will|might) \s+ (?:you|u) \s+ (?:please\s+|pls\s+|kindly\s+)?
        (?:tell \s+ (?:me|us) | let \s+ me \s+ know)
  | (?:do|would) \s+ (?:you|u) \s+ (?:happen \s+ to \s+)? know
  | (?:i|we) \s* (?:['’]d | \s+ would | \s+ just)? \s* (?:like|love|want|need) \s+ to
        \s+ (?:know|understand|find \s+ out)
  | (?:i|we) \s+ (?:just \s+)? (?:can['’]?t|cannot) \s+ (?:work|figure) \s+ out
  | (?:i['’]?m|i \s+ am|i \s+ was) \s+ (?:just \s+)? wondering
  | any (?:one|body)? \s+ (?:idea|clue|knows?)
)"""
"""What may stand before a question word: "could you tell me why", "any idea how"."""
_OPENERS = re.compile(
    rf"""(?ix) \s* (?:
        (?:hi|hello|hey) (?:\s+(?:there|all|everyone|team|folks|guys))? \s* [,!.]+
      | (?:hi|hello|hey) \s+ (?=(?:please|pls|plz|can|could|would|will)\b)
      | (?:ok|okay|well|so|right|um|uh|er|erm|hmm) (?: \s* ,
          | (?=\s+(?:ok|okay|well|so|um|uh|er|how|what|why|where|when|who|can|could|please)\b) )
      | (?:sorry \s+ to \s+ bother \s+ you | (?:sorry \s*,?\s*)? (?:silly|quick|stupid|dumb) \s+ (?:question|one)
          | just \s+ (?:wondering|curious)) \s* [,:;.–—-]+ (?:\s* but\b (?:\s*,)?)?
      | sorry \s+ to \s+ bother \s+ (?:you|u) (?:\s+ (?:with \s+ this|again))? \s* (?:,|but\b) \s* (?:but\b)?
      | (?:{_NO_TROUBLE} | {_IF_YOU_LIKE} (?:\s+explaining)?) \s* ,
      | {_WONDERING} \s* (?:, \s* (?:{_IF_YOU_LIKE} (?:\s+explaining)? \s* , \s*)?)?
            (?=(?:\s|(?<=,))\s*(?:how|why|what|when|where|who|which)\b)
      | (?P<asks>
            (?:please|pls|plz|kindly) \s* ,?
          | (?:can|could|would|will) \s+ (?:you|u) \s+ (?:please|pls|plz|kindly) \s* ,?
          | (?:can|could|would|will) \s+ (?:you|u) (?=\s+{_VERB})
          | (?:please\s+)? help \s+ (?:me|us) (?:\s+to)?
          | (?:i|we) (?:\s+(?:want|need|would\s+like) | ['’]d\s+like) \s+ you \s+ to (?:\s+please)?
          | (?:could|can|may) \s+ (?:i|we) \s+ (?:please \s+)? ask \s+ you \s+ (?:a \s+ favou?r \s+ and \s+)? to
          | would \s+ you \s+ be \s+ so \s+ (?:kind|good) \s+ (?:as \s+)? (?:and|to)
        )
    ) \s+ (?=\S)"""
)
_CLOSERS = re.compile(
    rf"""(?ix) (?:
        \s* [,.!?;] \s* (?: {_NO_TROUBLE} | {_IF_YOU_LIKE} | any \s+ (?:ideas?|clue)
            | any \s+ chance \s+ you \s+ could \s+ (?:tell|help) \s+ me (?:\s+(?:why|how))? ) \s* [.!?]*
      | \s* [,.!?;] \s* (?: thanks | thank \s+ you | thx | ty | cheers | (?:it['’]s \s+)? much \s+ appreciated )
            (?:\s+(?:a\s+lot|so\s+much|very\s+much|in\s+advance))? \s* [.!]*
      | (?: \s* , \s* | (?<!\b[aA]) (?<!\bthe) (?<!\bas) (?<!\bof) (?<!\bto) (?<!\bwith) (?<!\bsay) (?<!\bprint) \s+ )
            (?:please|pls|plz) \s* [.!]* (?P<question>\??)
    ) \s* $"""
)
_LONGEST = 2_000
_CLOSERS_OF_A_REQUEST = re.compile(r"(?:\s+for\s+(?:me|us)(?=\s*[?.!]*\s*$)|\s*\?+)\s*$", re.IGNORECASE)


def core_of(instruction: str) -> str:
    """The instruction without what courtesy put in front and behind: please, can you, help me to, thanks.

    What is left is never empty, and taking it twice changes nothing. A text of over 2,000 characters stays as it is.
    """
    text, asks = instruction.strip(), False
    while len(text) <= _LONGEST:
        shorter = text
        if opened := _OPENERS.match(shorter):
            asks = asks or opened["asks"] is not None
            shorter = shorter[opened.end() :]
        elif closed := _CLOSERS.search(shorter):
            shorter = shorter[: closed.start()] + (closed["question"] or "")
        elif asks:
            shorter = _CLOSERS_OF_A_REQUEST.sub("", shorter, count=1)
        shorter = shorter.strip()
        if shorter == text or not re.search(r"\w", shorter):
            break
        text = shorter
    return text
