"""A formant synthesiser: pulses and noise, shaped by the resonances of a vocal tract.

Source and filter after Fant (1960) and Klatt (1980), the filter applied to short spectra that
overlap. It is no natural speech; it has what a digit classifier must cope with: pitch, length of
the vocal tract, accent, tempo, breath.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from producers.speech.phones import Phone, phones
from producers.speech.voices import Voice
from schemas.sound_strips import RATE_HZ

Array = NDArray[np.float64]

_HOP: Final = 64
_SPAN: Final = 256
_HERTZ: Final = np.fft.rfftfreq(_SPAN, 1 / RATE_HZ)
_BANDWIDTHS_HZ: Final = (80.0, 110.0, 160.0)
_NOISE_WIDTH_HZ: Final = 700.0
_SMOOTH: Final = 5
"""Moments of 8 ms over which one sound goes over into the next."""


def say(digit: int, voice: Voice, noise_key: int) -> Array:
    """A digit in a voice, float64 samples at RATE_HZ; `noise_key` seeds friction and breath."""
    tracks = _tracks(phones(digit), voice.rate)
    formants, voiced, noise, noise_hz = tracks
    count = len(voiced) * _HOP
    pulses = _pulses(count, voice.pitch_hz)
    breath = np.random.default_rng(noise_key).standard_normal(count)
    tract = _tract(formants * voice.tract * np.array(voice.accent), voice.tilt_hz)
    friction = np.exp(-0.5 * ((_HERTZ - noise_hz[:, None]) / _NOISE_WIDTH_HZ) ** 2)
    voice_filter = tract * voiced[:, None]
    noise_filter = friction * noise[:, None] + voice.breath * 0.1 * voice_filter
    sound = _filtered(pulses, voice_filter) + _filtered(breath, noise_filter)
    level = np.sqrt(np.mean(sound**2))
    spoken: Array = sound * (voice.loudness / level)
    return spoken


def _tracks(said: tuple[Phone, ...], rate: float) -> tuple[Array, Array, Array, Array]:
    """Formants [t, 3], strengths of voice and friction and its place [t], a row each 8 ms."""
    moments = [max(2, round(one.ms * rate * RATE_HZ / 1_000 / _HOP)) for one in said]
    rows = np.array([(*one.formants, one.voiced, one.noise, one.noise_hz) for one in said])
    steps = np.concatenate([np.repeat(rows, moments, axis=0), np.zeros((3, rows.shape[1]))])
    steps[-3:, :3] = rows[-1, :3]
    kernel = np.ones(_SMOOTH) / _SMOOTH
    padded = np.pad(steps, ((_SMOOTH // 2, _SMOOTH // 2), (0, 0)), mode="edge")
    smooth = np.stack([np.convolve(column, kernel, "valid") for column in padded.T], axis=1)
    return smooth[:, :3], smooth[:, 3], smooth[:, 4], steps[:, 5]


def _pulses(count: int, pitch_hz: float) -> Array:
    """The glottis: a pulse each period, the pitch falling through the word."""
    pitch = pitch_hz * np.linspace(1.08, 0.85, count)
    turns = np.floor(np.cumsum(pitch / RATE_HZ))
    # So that high voices, with more pulses a second, are no louder.
    pulses: Array = np.diff(turns, prepend=0.0) * np.sqrt(RATE_HZ / pitch_hz)
    return pulses


def _tract(formants: Array, tilt_hz: float) -> Array:
    """Gain of the vocal tract at each moment and frequency, [t, bins]: three resonances."""
    gain = np.ones((len(formants), len(_HERTZ))) / (1 + _HERTZ / tilt_hz)
    for column, width in enumerate(_BANDWIDTHS_HZ):
        centre = np.minimum(formants[:, column], 0.48 * RATE_HZ)[:, None]
        gain *= centre**2 / np.hypot(centre**2 - _HERTZ**2, width * _HERTZ)
    return gain


def _filtered(source: Array, gain: Array) -> Array:
    """The source with a gain [t, bins] that changes each _HOP samples, by overlap and add."""
    padded = np.pad(source, (_SPAN // 2, _SPAN // 2))
    pieces = np.lib.stride_tricks.sliding_window_view(padded, _SPAN)[::_HOP][: len(gain)]
    shaped = np.fft.irfft(np.fft.rfft(pieces * np.hanning(_SPAN + 1)[:-1]) * gain, _SPAN)
    out = np.zeros(len(gain) * _HOP + _SPAN)
    for part in range(_SPAN // _HOP):
        laid = shaped[:, part * _HOP : (part + 1) * _HOP].ravel()
        out[part * _HOP : part * _HOP + len(laid)] += laid
    return out[_SPAN // 2 : _SPAN // 2 + len(source)]
