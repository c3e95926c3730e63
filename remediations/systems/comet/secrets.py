"""Expressions that replace what looks like a credential, on the host. For `sed -E` (GNU).

Of command lines only the flags that are needed are sent (discover.sh). These expressions are for
text that must be sent as a whole: lines of a journal, addresses that may contain user and password.
They replace too much rather than too little, in time proportional to the line.
"""

from __future__ import annotations

USERINFO = r"""
s,://([0-9a-f]{40}@),:\x01\1,g
s,://[^/@[:space:]"']*@,://[masked]@,g
s,:\x01,://,g
"""
"""Users and passwords in addresses. The id of a node in their place is neither, and stays."""

_NAMES = "pass(word|phrase|wd)?|secret|token|credential|authorization|mnemonic|key"
_REST = "[A-Za-z0-9_.-]{0,40}"

CREDENTIALS = rf"""
{USERINFO}
s/(pub_?k)(ey)/\1\x01\2/Ig
s/((mnemonic|seed phrase|private key|priv_?key)[^:=]{{0,20}}[:=]).*/\1 [masked]/I
s/((bearer|basic)[[:space:]]+)[A-Za-z0-9+/=._~-]{{8,}}/\1[masked]/Ig
s/(({_NAMES}){_REST}["']?[[:space:]]*[:=][[:space:]]*)("[^"]*"|'[^']*'|[^[:space:],;]+)/\1[masked]/Ig
s/((--[A-Za-z0-9_.-]{{0,40}}({_NAMES}){_REST}|password|passphrase|secret|token)[[:space:]]+)[^[:space:]]{{4,}}/\1[masked]/Ig
s/([a-z]{{3,8}} +){{11,}}[a-z]{{3,8}}/[masked]/g
s/\x01//g
"""
"""Also the values of names that denote a secret, and twelve words in a row, as in a mnemonic. A
public key is none."""
