"""Which factor each term of the synthesis objective gets."""

from diode_pl.balance.base import Balance
from diode_pl.balance.fixed import Fixed
from diode_pl.balance.gradient import Gradient

__all__ = ["Balance", "Fixed", "Gradient"]
