"""What an order's status or a row's type says about its money, in the languages of Europe.

Values are compared in lower case, without accents, blanks, hyphens and underscores: ``Pending payment`` is
``pendingpayment``. A state of the sale (refunded) leaves out its row; an entry of its own (refund) gives money back.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import Enum

LETTERS = str.maketrans({"ł": "l", "ø": "o", "æ": "ae", "œ": "oe", "đ": "d", "ı": "i", "ß": "ss"})  # do not decompose


class Effect(Enum):
    """What becomes of a row."""

    KEEP = "keep"
    DROP = "drop"
    NET = "net"


KEEP = (
    "complete", "completed", "paid", "captured", "succeeded", "success", "successful", "settled", "cleared", "posted",
    "finished", "done", "ok", "shipped", "sent", "dispatched", "delivered", "received", "fulfilled", "unfulfilled",
    "unshipped", "partial", "partiallyfulfilled", "partiallyshipped", "partiallypaid", "partiallyrefunded",
    "partialrefunded", "refundedpartially", "intransit", "outfordelivery", "processing", "inprogress", "inprocess",
    "processed", "closed", "invoiced", "billed", "approved", "authorized", "authorised", "accepted", "confirmed",
    "active", "new", "open", "created", "placed", "ordered", "booked", "readyforpickup", "pickedup", "awaitingshipment",
    "awaitingfulfillment", "awaitingfulfilment", "awaitingpickup", "backordered", "sale", "sales", "sold", "purchase",
    "purchased", "order", "payment", "charge", "charged", "invoice", "receipt", "salesreceipt", "transaction",
    "checkout", "renewal", "canceledreversal", "cancelledreversal",
    "abgeschlossen", "bezahlt", "versandt", "versendet", "verschickt", "geliefert", "ausgeliefert", "zugestellt",
    "erledigt", "fakturiert", "offen", "inbearbeitung", "verkauf", "kauf", "zahlung", "rechnung", "bestellung",
    "terminee", "termine", "payee", "paye", "expediee", "expedie", "livree", "livre", "validee", "valide", "encours",
    "vente", "achat", "paiement", "facture", "commande", "completado", "completada", "pagado", "pagada", "enviado",
    "enviada", "entregado", "entregada", "procesando", "facturado", "venta", "compra", "pago", "pedido", "factura",
    "completato", "pagato", "spedito", "consegnato", "evaso", "fatturato", "vendita", "acquisto", "pagamento", "ordine",
    "fattura", "concluido", "concluida", "entregue", "faturado", "venda", "encomenda", "fatura", "voltooid",
    "afgerond", "betaald", "verzonden", "geleverd", "bezorgd", "verkoop", "aankoop", "betaling", "bestelling",
    "factuur", "zrealizowane", "zakonczone", "oplacone", "zaplacone", "wyslane", "dostarczone", "sprzedaz", "zakup",
    "platnosc", "slutford", "betald", "skickad", "levererad", "forsaljning", "kop", "betalning", "gennemfort",
    "fullfort", "betalt", "sendt", "leveret", "levert", "salg", "kob", "kjop", "valmis", "maksettu", "lahetetty",
    "toimitettu", "myynti", "osto", "dokonceno", "zaplaceno", "odeslano", "doruceno", "vyrizeno", "prodej",
    "выполнен", "выполнено", "завершен", "оплачен", "оплачено", "отправлен", "доставлен", "продажа", "покупка",
    "заказ",
)  # fmt: skip
DROP = (
    "cancelled", "canceled", "cancel", "failed", "failure", "declined", "denied", "rejected", "refused",
    "processordeclined", "gatewayrejected", "settlementdeclined", "error", "voided", "void", "expired", "abandoned",
    "incomplete", "draft", "checkoutdraft", "autodraft", "trash", "deleted", "test", "quote", "quotation", "estimate",
    "proforma", "pending", "pendingpayment", "paymentpending", "awaitingpayment", "requirespaymentmethod",
    "requiresaction", "requiresconfirmation", "requirescapture", "unpaid", "notpaid", "uncaptured", "overdue",
    "uncollectible", "onhold", "holded", "fraud", "suspectedfraud", "unavailable",
    "undelivered", "refunded", "fullyrefunded", "returned", "returnedtosender", "reversed", "credited", "chargedback",
    "disputed", "blocked", "writtenoff", "payout", "transfer", "withdrawal", "fee", "stripefee", "servicefee", "view",
    "pageview", "viewitem", "productview", "click", "cart", "addtocart", "removefromcart", "begincheckout", "search",
    "wishlist", "addtowishlist", "sessionstart",
    "storniert", "abgebrochen", "fehlgeschlagen", "abgelehnt", "entwurf", "unbezahlt", "ausstehend",
    "zahlungausstehend", "abgelaufen", "angebot", "erstattet", "ruckerstattet", "rueckerstattet", "retourniert",
    "zuruckgesendet", "zurueckgesendet", "zuruckgegeben", "annulee", "annule", "echouee", "echoue", "echec", "refusee",
    "refuse", "expiree", "expire", "brouillon", "impayee", "impaye", "abandonnee", "abandonne", "enattente",
    "enattentedepaiement", "remboursee", "rembourse", "retournee", "retourne", "devis", "cancelado", "cancelada",
    "anulado", "anulada", "fallido", "fallida", "rechazado", "rechazada", "caducado", "borrador", "impagado",
    "impagada", "pendiente", "pendientedepago", "abandonado", "reembolsado", "reembolsada", "devuelto", "devuelta",
    "presupuesto", "annullato", "annullata", "cancellato", "fallito", "rifiutato", "scaduto", "bozza", "nonpagato",
    "inattesa", "inattesadipagamento", "rimborsato", "restituito", "preventivo", "falhou", "recusado", "expirado",
    "rascunho", "pendente", "aguardandopagamento", "naopago", "estornado", "devolvido", "orcamento", "geannuleerd",
    "mislukt", "geweigerd", "verlopen", "concept", "onbetaald", "inafwachting", "openstaand", "terugbetaald",
    "geretourneerd", "offerte", "anulowane", "anulowano", "anulowany", "nieudane", "odrzucone", "wygasle",
    "nieoplacone", "oczekujace", "zwrocone", "avbruten", "annullerad", "makulerad", "misslyckad", "nekad", "obetald",
    "vantande", "aterbetald", "returnerad", "annulleret", "kansellert", "avbrutt", "mislykket", "mislykkedes",
    "afvist", "avvist", "ubetalt", "refunderet", "refundert", "returneret", "returnert", "peruttu", "peruutettu",
    "epaonnistunut", "hylatty", "maksamatta", "palautettu", "hyvitetty", "zruseno", "neuspesne", "zamitnuto",
    "nezaplaceno", "vraceno", "отменен", "отменено", "отклонен", "возвращен", "неоплачен", "ошибка",
)  # fmt: skip
NET = (
    "refund", "refunds", "partialrefund", "fullrefund", "paymentrefund", "return", "returns", "credit", "creditnote",
    "creditmemo", "refundreceipt", "reversal", "chargeback", "cancellation", "cancelation",
    "storno", "stornierung", "gutschrift", "retoure", "ruckgabe", "rueckgabe", "rucksendung", "ruecksendung",
    "erstattung", "ruckerstattung", "rueckerstattung", "ruckbuchung", "rueckbuchung", "rucklastschrift",
    "remboursement", "retour", "avoir", "annulation", "reembolso", "devolucion", "abono", "notadecredito", "anulacion",
    "rimborso", "reso", "notadicredito", "annullamento", "estorno", "devolucao", "terugbetaling", "creditnota",
    "creditering", "zwrot", "korekta", "aterbetalning", "retur", "kreditnota", "kredit", "refusion", "refundering",
    "returnering", "palautus", "hyvitys", "vratka", "dobropis", "refundace", "возврат",
)  # fmt: skip
REVERSAL = re.compile("refund|return|revers|credit|charge.?back|cancel|storn|erstatt|retour|rembours|annul|devol")
NEGATIONS = {"not", "non", "no", "nicht", "kein", "keine", "pas", "sin", "nao", "niet", "ikke", "inte", "never", "не"}
USUAL_EFFECTS = {value: effect for effect, values in zip(Effect, (KEEP, DROP, NET), strict=True) for value in values}


@dataclass(frozen=True)
class StatusRules:
    """The known values and what the user added, which comes first.

    Attributes
    ----------
    added : mapping of normalised value to Effect
    """

    added: Mapping[str, Effect]

    def effect(self, value: str | None) -> Effect | None:
        """Return what becomes of the rows of a value; None if it is unknown. No value keeps them."""
        if value is None:
            return Effect.KEEP
        name = normalise_status(value)
        effect = self.added.get(name) or USUAL_EFFECTS.get(name) or USUAL_EFFECTS.get(re.sub("^wc", "", name))
        return effect or self._effect_of_words(value)

    def _effect_of_words(self, value: str) -> Effect | None:
        """Look for what is known in a phrase such as ``Shipped - Returned to seller``: the least favourable counts."""
        words = [normalise_status(word) for word in re.split(r"[\W_]+", value) if word]
        if NEGATIONS & set(words):
            return None
        effects = set()
        while words:
            size = next((size for size in (3, 2, 1) if "".join(words[:size]) in USUAL_EFFECTS), 0)
            effects.add(USUAL_EFFECTS["".join(words[:size])] if size else None)
            words = words[size or 1 :]
        return next((effect for effect in (Effect.DROP, Effect.NET, Effect.KEEP) if effect in effects), None)


def normalise_status(value: str) -> str:
    """Write a value as values are compared."""
    letters = unicodedata.normalize("NFKD", value.casefold().translate(LETTERS))
    return re.sub(r"[\W_]", "", "".join(letter for letter in letters if not unicodedata.combining(letter)))


def make_rules(keep: Collection[str] = (), drop: Collection[str] = (), net: Collection[str] = ()) -> StatusRules:
    """Add the user's values to those that are known."""
    typed = zip(Effect, (keep, drop, net), strict=True)
    return StatusRules({normalise_status(str(value)): effect for effect, values in typed for value in values})
