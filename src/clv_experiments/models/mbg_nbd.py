"""MBG/NBD: the BG/NBD with a chance to drop out right after the first purchase as well."""

from clv_experiments.models.bg_nbd import BgNbd


class MbgNbd(BgNbd):
    """MBG/NBD of Batislam, Denizel and Filiztekin (2007) and Hoppe and Wagner (2007), with Gamma-Gamma spend.

    One more toss of the dropout coin, at the first purchase, is the whole difference to the BG/NBD: a customer who
    never repeated may be gone. Parameters and attributes are those of BgNbd.
    """

    _lifetimes_fitter = "ModifiedBetaGeoFitter"
    _initial_tosses = 1
