"""MBG/NBD: the BG/NBD with a chance to drop out right after the first purchase as well."""

from clv_experiments.models.bg_nbd import BgNbd


class MbgNbd(BgNbd):
    """MBG/NBD of Batislam, Denizel and Filiztekin (2007) and Hoppe and Wagner (2007), with Gamma-Gamma spend.

    One more toss of the dropout coin, at the first purchase, is the whole difference to the BG/NBD: a customer who
    never repeated may be gone. Parameters and attributes are those of BgNbd.

    Examples
    --------
    A frame of ``lifetimes.utils.summary_data_from_transaction_data`` or of ``pymc_marketing.clv.utils.rfm_summary`` is
    fitted as it is, with recency and T in days as both give them by default; times in weeks (``freq="W"``,
    ``time_unit="W"``) are multiplied by 7 first.

    >>> import pandas as pd
    >>> customers = pd.DataFrame(
    ...     {
    ...         "frequency": [2.0, 1.0, 0.0, 0.0],
    ...         "recency": [75.0, 10.0, 0.0, 0.0],
    ...         "T": [86.0, 82.0, 59.0, 40.0],
    ...         "monetary_value": [35.0, 30.0, 0.0, 0.0],
    ...     },
    ...     index=pd.Index(["ann", "bob", "cy", "dee"], name="customer_id"),
    ... )
    >>> model = MbgNbd(horizon_days=90).fit(customers)
    >>> spend = model.predict(customers)
    >>> spend.shape, bool((spend == model.predict(customers.to_numpy())).all())
    ((4,), True)
    """

    _initial_tosses = 1
