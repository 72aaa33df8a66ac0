"""The BTYD estimators against published numbers for CDNOW (39 weeks of calibration, purchase-day grain, weeks)."""

import importlib.util
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from clv_experiments.models.bg_nbd import BgNbd
from clv_experiments.models.gamma_gamma import GammaGamma
from clv_experiments.models.mbg_nbd import MbgNbd
from clv_experiments.models.pareto_nbd import ParetoNbd

CUTOFF = pd.Timestamp("1997-09-30")
HORIZON_DAYS = 273.0  # 39 weeks


def read_log(name):
    folder = Path(importlib.util.find_spec("lifetimes").origin).parent / "datasets"
    skip, columns = (0, ["master_id", "customer_id"]) if "sample" in name else (1, ["customer_id"])
    names = [*columns, "date", "cds", "amount"]
    log = pd.read_csv(folder / name, sep=r"\s+", header=None, skiprows=skip, names=names, dtype={"date": str})
    log["date"] = pd.to_datetime(log["date"], format="%Y%m%d")
    return log.groupby(["customer_id", "date"], as_index=False)["amount"].sum()


def split(days):
    """Return the customers at the cutoff and their holdout purchase days."""
    calibration = days[days["date"] <= CUTOFF]
    groups = calibration.groupby("customer_id")
    first = groups["date"].min()
    repeats = calibration[calibration["date"] > calibration["customer_id"].map(first)]
    customers = pd.DataFrame(
        {
            "frequency": groups.size() - 1.0,
            "recency": (groups["date"].max() - first).dt.days,
            "T": (CUTOFF - first).dt.days,
            "monetary_value": repeats.groupby("customer_id")["amount"].mean(),
        }
    )
    return customers.fillna({"monetary_value": 0.0}), days[days["date"] > CUTOFF]


@pytest.fixture(scope="module")
def sample():
    return split(read_log("CDNOW_sample.txt"))


@pytest.fixture(scope="module")
def master():
    return split(read_log("CDNOW_master.txt"))


# Parameters and log-likelihoods: BG/NBD and Pareto/NBD in Fader, Hardie and Lee (2005), Marketing Science 24(2),
# table 2, to more digits in the vignettes of BTYDplus and CLVTools; MBG/NBD in the BTYDplus vignette. The tolerance is
# one unit of the last published digit; Pareto/NBD is flat in beta, so 1e-3 relative.
PUBLISHED = [
    (BgNbd, {"r_": 0.2426, "alpha_": 4.4136, "a_": 0.7929, "b_": 2.4259}, 1e-4, -9582.429, 1653.4),
    (MbgNbd, {"r_": 0.5248, "alpha_": 6.1831, "a_": 0.8914, "b_": 1.6140}, 1e-4, -9582.136, 1576.7),
    (ParetoNbd, {"r_": 0.5533, "alpha_": 10.578, "s_": 0.6062, "beta_": 11.669}, 1e-3, -9594.976, 1665.5),
]


@pytest.mark.parametrize(("model", "parameters", "tolerance", "log_likelihood", "forecast"), PUBLISHED)
def test_sample_reproduces_published_fit_and_forecast(sample, model, parameters, tolerance, log_likelihood, forecast):
    customers, holdout = sample
    fitted = model(horizon_days=HORIZON_DAYS).fit(customers)
    assert (len(customers), len(holdout)) == (2357, 1882)
    for name, published in parameters.items():
        assert getattr(fitted, name) == pytest.approx(published, rel=tolerance, abs=6e-5)
    assert fitted.log_likelihood_ == pytest.approx(log_likelihood, abs=2e-3)
    assert fitted.aic_ == pytest.approx(8 - 2 * log_likelihood, abs=4e-3)
    assert fitted.bic_ == pytest.approx(4 * np.log(2357) - 2 * log_likelihood, abs=4e-3)
    assert fitted.boundary_ == ""
    assert fitted.expected_purchases(customers).sum() == pytest.approx(forecast, abs=0.06)


def test_one_customer_as_in_the_bg_nbd_spreadsheet_note(sample):
    # Fader, Hardie and Lee (2005), "Implementing the BG/NBD Model in Excel": x = 2, t_x = 30.43, T = 38.86.
    fitted = BgNbd().fit(sample[0])
    customer = pd.DataFrame({"frequency": [2.0], "recency": [213.0], "T": [272.0]})
    assert fitted.expected_purchases(customer, horizon_days=HORIZON_DAYS)[0] == pytest.approx(1.226, abs=5e-4)


def test_gamma_gamma_reproduces_the_note(sample):
    # Fader and Hardie (2013), "The Gamma-Gamma Model of Monetary Value": p 6.25, q 3.74, v 15.44.
    customers, holdout = sample
    repeaters = customers[customers["frequency"] > 0]
    fitted = GammaGamma().fit(customers)
    assert len(repeaters) == 946
    assert fitted.p_ == pytest.approx(6.25, abs=5e-3)
    assert fitted.q_ == pytest.approx(3.744, abs=5e-4)
    assert fitted.v_ == pytest.approx(15.44, abs=5e-3)
    assert fitted.log_likelihood_ == pytest.approx(-4055.918, abs=2e-3)
    assert fitted.mean_spend_ == pytest.approx(35.17, abs=5e-3)
    assert repeaters["monetary_value"].mean() == pytest.approx(35.08, abs=5e-3)
    assert holdout["amount"].sum() == pytest.approx(70_976.39, abs=5e-3)


@pytest.mark.parametrize(
    ("model", "log_likelihood"), [(BgNbd, -95_368.444), (MbgNbd, -95_336.958), (ParetoNbd, -95_415.119)]
)
def test_master_log_likelihoods(master, model, log_likelihood):
    # Project golden numbers (DESIGN.md, section 6), measured on the same file with independent code.
    assert model().fit(master[0]).log_likelihood_ == pytest.approx(log_likelihood, abs=2e-3)


def test_master_holdout(master):
    customers, holdout = master
    assert (len(customers), len(holdout)) == (23_570, 19_684)
    assert holdout["amount"].sum() == pytest.approx(776_961.13, abs=5e-3)


@pytest.mark.filterwarnings("ignore")  # importing lifetimes warns of pandas' options
def test_standard_errors_are_those_of_lifetimes(sample):
    # lifetimes takes the Hessian by automatic differentiation in log-parameters: another route to the same numbers.
    from lifetimes import BetaGeoFitter

    customers, _ = sample
    weeks = customers / 7
    theirs = BetaGeoFitter().fit(customers["frequency"], weeks["recency"], weeks["T"]).standard_errors_
    ours = BgNbd().fit(customers).parameters_.set_index("parameter")["standard_error"]
    np.testing.assert_allclose(ours[theirs.index], theirs, rtol=1e-3)


def test_pareto_standard_errors_show_the_flat_direction(sample):
    errors = ParetoNbd().fit(sample[0]).parameters_.set_index("parameter")
    relative = errors["standard_error"] / errors["estimate"]
    assert relative[["r", "alpha"]].max() < 0.1 < relative["s"] < relative["beta"] < 1
