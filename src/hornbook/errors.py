"""Everything that can go wrong, as one tree.

    HornbookError
    ├── ConfigError            (ValueError)  a setting is missing, unknown or out of range
    ├── ShapeError             (ValueError)  arrays that do not fit together
    ├── ModelFormatError       (ValueError)  a model file is damaged or not what it claims
    │   └── ModelConfigError   (ConfigError)  a model's config.json is
    ├── TokenizerError         (ValueError)  a vocabulary is damaged, or text or ids it cannot take
    ├── ContextLengthError     (ValueError)  more tokens than the model has positions
    ├── CheckpointError        (ValueError)  a training checkpoint is damaged
    ├── DataError              (ValueError)  an input file is damaged
    ├── DownloadError          (OSError)     the Hub cannot be reached, or refuses
    │   ├── IntegrityError                   what arrived is not what was promised
    │   └── NotCachedError                   offline, and not stored here
    └── LockedError            (OSError)     another process holds it

A message says operation, invariant, what came, and the likely fix, in one line.
"""

__all__ = [
    "CheckpointError",
    "ConfigError",
    "ContextLengthError",
    "DataError",
    "DownloadError",
    "HornbookError",
    "IntegrityError",
    "LockedError",
    "ModelConfigError",
    "ModelFormatError",
    "NotCachedError",
    "ShapeError",
    "TokenizerError",
]


class HornbookError(Exception):
    """The root: catches everything that this package raises on purpose."""


class ConfigError(HornbookError, ValueError):
    """A setting is missing, unknown or out of range."""


class ShapeError(HornbookError, ValueError):
    """Arrays that do not fit together."""


class ModelFormatError(HornbookError, ValueError):
    """A model file is damaged or not what it claims to be."""


class ModelConfigError(ModelFormatError, ConfigError):
    """The configuration in a model's folder is damaged or of another kind of model."""


class TokenizerError(HornbookError, ValueError):
    """A vocabulary is damaged, or text or ids are outside of what it can take."""


class ContextLengthError(HornbookError, ValueError):
    """More tokens than the model has positions."""


class CheckpointError(HornbookError, ValueError):
    """A training checkpoint is damaged."""


class DataError(HornbookError, ValueError):
    """An input file is damaged."""


class DownloadError(HornbookError, OSError):
    """The Hub cannot be reached, or refuses."""


class IntegrityError(DownloadError):
    """What arrived is not what was promised."""


class NotCachedError(DownloadError):
    """Offline, and not stored here."""


class LockedError(HornbookError, OSError):
    """Another process holds it."""
