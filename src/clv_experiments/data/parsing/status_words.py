"""Words for what became of an order or a row, in the languages of Europe: sales, no sales, and money given back.

They are in lower case, without accents, blanks, hyphens and underscores. A state of the sale (refunded) leaves out its
row; an entry of its own (refund) gives money back.
"""

from __future__ import annotations

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
