"""A bijection of 64-bit words that looks random: numbers in a row become numbers that nobody can foresee, and back."""

from __future__ import annotations

from typing import TypeVar

import numpy as np

Number = TypeVar("Number", int, np.ndarray)
WORD = (1 << 64) - 1


def mix(numbers: Number, salt: int) -> Number:
    """The word that this one becomes under this salt (the finaliser of SplitMix64, Steele et al. 2014)."""
    if isinstance(numbers, np.ndarray):
        # Words of an array wrap by themselves, and are mixed where they stand.
        words: np.ndarray = numbers + np.uint64(salt)
        for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
            words ^= words >> np.uint64(shift)
            words *= np.uint64(factor)
        words ^= words >> np.uint64(31)
        return words
    z = (numbers + salt) & WORD
    z = ((z ^ z >> 30) * 0xBF58476D1CE4E5B9) & WORD
    z = ((z ^ z >> 27) * 0x94D049BB133111EB) & WORD
    return z ^ z >> 31


def unmix(number: int, salt: int) -> int:
    """The number that `mix` turned into this one."""
    z = number
    for shift, factor in ((31, 0x94D049BB133111EB), (27, 0xBF58476D1CE4E5B9), (30, 1)):
        # Three times shifted, nothing is left of 64 bits.
        z ^= z >> shift ^ z >> 2 * shift
        z = z * pow(factor, -1, 1 << 64) & WORD
    return z - salt & WORD
