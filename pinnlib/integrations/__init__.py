"""Monitors for trainings by other libraries: :mod:`pinnlib.integrations.deepxde` and :mod:`pinnlib.integrations.lightning`.

Each module imports its library, so it needs the extra of its name: ``pip install 'pinnlib[deepxde]'`` or ``'pinnlib[pina]'``.
"""
