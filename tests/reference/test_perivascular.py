"""Pulsatile flow in an annulus: Bessel functions against 40 digits, against a time integration, and in two limits."""

import math
from functools import cache

import mpmath
import numpy as np
import pytest
import scipy.sparse as sp
from scipy.sparse.linalg import splu

from pinnlib.reference import perivascular
from pinnlib.reference.spectral_elements import Mesh, lobatto

RADII = (1.0, 3.0)
PLACES = np.array([(r, t) for r in (1.0, 1.006, 1.4, 2.1, 2.8, 3.0) for t in (-3.0, -0.4, 1.1, 2.5)])


@cache
def bessel(name, k, x, viscosity):
    return getattr(mpmath, name)(0, mpmath.sqrt(mpmath.mpc(0, k) / viscosity) * x)


def in_many_digits(r, t, viscosity):
    with mpmath.workdps(40):
        a, b, r, t, nu = map(mpmath.mpf, (*RADII, float(r), float(t), viscosity))
        u = mpmath.mpf(perivascular.MEAN) * (a**2 - r**2 + (b**2 - a**2) * mpmath.log(r / a) / mpmath.log(b / a)) / (4 * nu)
        for k, (c, s) in enumerate(perivascular.WAVEFORM, 1):
            (ia, ib, ir), (ja, jb, jr) = ([bessel(f, k, x, nu) for x in (a, b, r)] for f in ("besseli", "besselk"))
            shape = 1 - (ir * (jb - ja) + jr * (ia - ib)) / (ia * jb - ib * ja)
            u += (mpmath.mpc(c, -s) / mpmath.mpc(0, k) * mpmath.exp(mpmath.mpc(0, k * t)) * shape).real
        return float(u)


@pytest.mark.parametrize("alpha", [0.1, 0.25, 7.0, 30.0])
def test_against_many_digits(alpha):
    found = perivascular.reference(PLACES, 4 / alpha**2, RADII)[:, 0]
    exact = np.array([in_many_digits(r, t, 4 / alpha**2) for r, t in PLACES])
    assert np.linalg.norm(found - exact) < perivascular.ERROR * np.linalg.norm(exact)


def integrated(viscosity, steps, beats, elements=6, degree=8):
    """The independent solver: weak form in r by spectral elements, Crank-Nicolson in t, from rest until periodic."""
    where = Mesh(np.linspace(*RADII, elements + 1), degree)
    nodes, inside = where.nodes, slice(1, -1)
    # integral of r u' v' over each element: the stiffness with r at the quadrature's nodes
    stiffness = sp.lil_matrix((len(nodes), len(nodes)))
    _, weights, slopes = lobatto(degree)
    for k, width in enumerate(np.diff(where.edges)):
        own = slice(k * degree, (k + 1) * degree + 1)
        stiffness[own, own] += slopes.T @ np.diag(weights * nodes[own]) @ slopes * (2.0 / width)
    mass = sp.diags(where.mass * nodes)
    h = 2 * math.pi / steps
    left, right = (mass + sign * 0.5 * h * viscosity * stiffness.tocsc() for sign in (1, -1))
    solver = splu(left.tocsc()[inside, inside])
    load = where.mass * nodes
    u, found = np.zeros(len(nodes)), []
    for n in range(steps * beats):
        g = perivascular.pressure_gradient(np.array([n, n + 1]) * h).mean()
        u = np.pad(solver.solve((right @ u + h * g * load)[inside]), 1)
        found.append(u)
    return nodes, h * np.arange(1, steps + 1), np.array(found[-steps:])


def test_against_a_time_integration():
    """Crank-Nicolson is of second order, and what it tends to is the exact solution."""
    viscosity, errors = 4 / 49, []
    for steps in (100, 200):
        nodes, times, values = integrated(viscosity, steps, beats=14)
        points = np.stack(np.meshgrid(times, nodes, indexing="ij")[::-1], axis=-1).reshape(-1, 2)
        exact = perivascular.reference(points, viscosity, RADII).reshape(values.shape)
        errors.append(np.linalg.norm(values - exact) / np.linalg.norm(exact))
    assert errors[1] < 2e-4
    assert errors[0] / errors[1] == pytest.approx(4.0, rel=0.05)


def test_no_slip_and_periodic():
    u = perivascular.reference(PLACES, 4 / 49, RADII)
    assert np.abs(u[(PLACES[:, 0] == 1.0) | (PLACES[:, 0] == 3.0)]).max() < 1e-14
    assert perivascular.reference(PLACES + np.array([0.0, 2 * math.pi]), 4 / 49, RADII) == pytest.approx(u, abs=1e-14)


def test_a_slow_beat_is_quasi_steady():
    """At a small Womersley number u is g / nu times the steady profile, so nothing but the ratio can be read from it."""
    alpha = 0.1
    u = perivascular.reference(PLACES, 4 / alpha**2, RADII)[:, 0]
    steady = perivascular.reference(PLACES, 4 / alpha**2, RADII, waveform=())[:, 0]
    assert u == pytest.approx(
        steady * perivascular.pressure_gradient(PLACES[:, 1]) / perivascular.MEAN, abs=2e-3 * np.abs(u).max()
    )


def test_a_fast_beat_moves_the_core_as_a_whole():
    """At a large one the middle has u_t = g - mean(g), and Stokes layers at the walls."""
    t = np.linspace(0.0, 6.0, 13)
    points = np.stack([np.full_like(t, 2.0), t], axis=1)
    u = perivascular.reference(points, 1e-4, RADII, mean=0.0)[:, 0]
    waves = [(c * np.sin(k * t) - s * np.cos(k * t)) / k for k, (c, s) in enumerate(perivascular.WAVEFORM, 1)]
    assert u == pytest.approx(np.sum(waves, axis=0), abs=1e-12)
    edge = np.array([[1.0 + 0.02, 1.0]])
    stokes = sum(
        ((c - 1j * s) / (1j * k) * np.exp(1j * k) * (1 - np.sqrt(1 / 1.02) * np.exp(-np.sqrt(1j * k / 1e-4) * 0.02))).real
        for k, (c, s) in enumerate(perivascular.WAVEFORM, 1)
    )
    assert perivascular.reference(edge, 1e-4, RADII, mean=0.0)[0, 0] == pytest.approx(stokes, rel=1e-3)


def test_womersley_numbers_of_the_mouse():
    assert perivascular.womersley(40e-6, 5.0, 0.9e-3 / 993.2) == pytest.approx(0.235, abs=1e-3)
