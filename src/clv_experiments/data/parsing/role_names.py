"""What the column of each role is usually called, in the languages of Europe.

Names are compared in lower case, without accents, blanks and punctuation: ``Kunden-Nr.`` is ``kundennr``.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from functools import cache

UNDECOMPOSABLE_LETTERS = str.maketrans(
    {"ł": "l", "ø": "o", "æ": "ae", "œ": "oe", "đ": "d", "ı": "i", "°": "o"}
)  # have no decomposition
CURRENCY_SUFFIX = re.compile("(?:in)?(?:usd|eur|euro|gbp|chf|cad|aud|pln|czk|sek|nok|dkk|brl|mxn|rub|jpy|inr)$")
CENTS_SUFFIX = re.compile("(?:in)?(?:cents?|centimes?|centavos?|centesimi|pence|ore|grosze|minorunits?|minor)$")
PREPOSITIONS = ("de", "del", "du", "di", "do", "da", "dela", "della", "van")  # numéro de client

ID_WORDS = (
    "id", "no", "nr", "num", "number", "code", "key", "uuid", "ref", "identifier", "nummer", "kennung", "schluessel",
    "numero", "identifiant", "codigo", "identificador", "codice", "identificativo", "kod", "numer", "identyfikator",
    "kode", "tunnus", "nro", "koodi", "cislo", "номер", "код", "ид", "идентификатор",
)  # fmt: skip
CUSTOMER_WORDS = (
    "customerunique", "customer", "cust", "client", "buyer", "buyeruser", "shopper", "member", "household",
    "subscriber", "user", "account", "selltocustomer", "billtocustomer", "soldtoparty", "debitor", "debitoren", "kunde",
    "kunden", "kaeufer", "kaufer", "acheteur", "cliente", "comprador",
    "usuario", "acquirente", "utente", "klant", "koper", "klient", "klienta", "nabywca", "nabywcy", "kund", "kjoper",
    "kober", "asiakas", "asiakkaan", "zakaznik", "zakaznika", "клиент", "клиента", "покупатель", "покупателя",
)  # fmt: skip
PERSON_WORDS = (  # customers only where an id word stands beside them: a column "loyalty" may be a level
    "loyalty", "loyaltymember", "loyaltycard", "membership", "clubcard", "donor", "guest", "patient", "passenger",
    "player", "visitor", "profile", "person", "contact", "student", "supporter", "tenant", "reader", "partner",
)  # fmt: skip
ORDER_WORDS = (
    "order", "invoice", "transaction", "receipt", "basket", "document", "doc", "booking", "bestell", "bestellung",
    "bestellungs", "auftrag",
    "auftrags", "rechnung", "rechnungs", "beleg", "commande", "facture", "pedido", "factura", "orden", "ordine",
    "fattura", "encomenda", "fatura", "compra", "bestelling", "bestel", "factuur", "zamowienie", "zamowienia",
    "faktura", "faktury", "ordre", "bestallning", "bestillings", "tilaus", "tilauksen", "objednavka", "objednavky",
    "заказ", "заказа", "чек", "чека",
)  # fmt: skip
DATE_WORDS = (
    "date", "datetime", "timestamp", "time", "day", "at", "on", "ts", "dt", "datum", "zeitpunkt", "fecha", "data",
    "dato", "dag",
    "pvm", "paiva", "paivamaara", "дата", "день",
)  # fmt: skip
PURCHASE_WORDS = (
    "order", "purchase", "sale", "sales", "invoice", "transaction", "trans", "posting", "document", "billing",
    "booking", "bestell", "bestellungs", "kauf", "verkaufs", "rechnungs", "commande", "achat", "vente", "facture",
    "pedido", "compra", "venta", "factura", "ordine", "acquisto", "vendita", "fattura", "encomenda", "venda",
    "fatura", "bestel", "aankoop", "verkoop", "factuur", "zamowienia", "zakupu", "sprzedazy", "faktury", "kop",
    "kops", "bestallnings", "kjops", "kobs", "ordre", "tilaus", "tilauksen", "osto", "objednavky", "nakupu",
    "заказа", "покупки", "продажи",
)  # fmt: skip


DISCOUNT_WORDS = (
    "discount", "disc", "linediscount", "lineitemdiscount", "lineitemdisc", "linedisc", "itemdiscount", "itemdisc",
    "productdiscount", "unitdiscount", "orderdiscount", "cartdiscount", "basketdiscount", "invoicediscount",
    "totaldiscount", "coupondiscount", "promotiondiscount", "rebate", "rabatt", "nachlass", "remise", "rabais",
    "reduction", "descuento",
    "sconto", "desconto", "korting", "rabat", "upust", "alennus", "sleva", "скидка",
    "gesamtrabatt", "bestellrabatt", "warenkorbrabatt", "rechnungsrabatt", "remisecommande", "remisepanier",
    "descuentopedido", "scontoordine", "scontocarrello", "orderkorting",
)  # fmt: skip
DISCOUNT_SUFFIX_WORDS = (
    "amount", "amt", "value", "total", "totale", "applied", "pct", "percent", "percentage", "perc", "rate", "share",
    "perunit", "prozent",
    "satz", "betrag", "wert", "montant", "pourcentage", "taux", "importe", "porcentaje", "importo", "percentuale",
    "valor", "percentual", "bedrag", "kwota", "procent", "belopp", "belob", "belop",
)  # fmt: skip

REFUND_WORDS = (
    "refunded", "refund", "refunds", "returned", "reimbursed", "erstattet", "erstattung", "erstattungs",
    "ruckerstattung", "ruckerstattungs", "rueckerstattung", "rueckerstattungs", "rembourse", "remboursement",
    "reembolso", "reembolsado", "rimborso", "rimborsato", "terugbetaald", "terugbetaling", "zwrot", "zwrotu",
    "refunderat", "aterbetalt", "refunderet", "refundert", "hyvitys", "hyvitetty", "vratka", "возврат", "возврата",
)  # fmt: skip
MONEY_WORDS = (
    "amount", "amt", "value", "total", "sum", "betrag", "wert", "summe", "montant", "importe", "monto",
    "importo", "valor", "bedrag", "kwota", "belopp", "belob", "belop", "summa", "castka", "сумма",
)  # fmt: skip


def normalise_name(column: str) -> str:
    """Normalise a name for comparison."""
    letters = unicodedata.normalize("NFKD", column.casefold().translate(UNDECOMPOSABLE_LETTERS))
    return re.sub(r"[\W_]", "", "".join(letter for letter in letters if not unicodedata.combining(letter)))


# Lines first: what an item cost needs no correction, the total of an order stands on one or on all of its lines.
LINE_TOTALS = (
    "linetotal", "lineamount", "linevalue", "linerevenue", "linesales", "lineitemtotal", "linenet", "extendedprice",
    "extprice", "extendedamount", "extendedvalue", "itemtotal", "itemamount", "itemrevenue", "rowtotal", "netsales",
    "salesvalue", "positionsbetrag", "zeilenbetrag", "gesamtpreis", "montantligne", "totalligne", "totallinea",
    "importelinea", "totaleriga", "importoriga", "totallinha", "regeltotaal", "wartoscpozycji", "radbelopp",
    "linjebelop", "linjetotal", "linjebelob", "rivisumma",
)  # fmt: skip
TOTALS = (
    "amount", "totalamount", "amounttotal", "amountpaid", "paidamount", "totalpaid", "orderamount",
    "ordertotal", "ordertotalinctax", "ordertotalinclvat", "grandtotal", "grandtotalpurchased", "grandtotalbase",
    "basegrandtotal", "invoicetotal", "invoiceamount", "total", "totalprice", "totalinctax", "totalvalue", "ordervalue",
    "orderprice",
    "basketvalue", "baskettotal", "cartvalue", "carttotal", "amt", "totalamt", "giftamount", "donationamount",
    "transactionamount", "transactiontotal", "transactionvalue", "transamount", "purchaseamount", "purchasevalue",
    "paymentamount", "paymentvalue", "payment", "totalcollected", "totalspent", "totalspend", "totalcost", "spend",
    "spending", "soldfor", "saleamount", "gross", "grossamount", "grosstotal", "value", "valueusd",
    "monetaryvalue", "money", "betrag", "gesamtbetrag", "summe", "gesamt", "gesamtsumme", "bruttobetrag",
    "rechnungsbetrag", "bestellwert", "wert", "montant", "montanttotal", "totalttc", "montantttc", "somme", "importe",
    "importetotal", "monto", "montototal", "precototal", "preciototal", "valorpago", "importo", "importototale",
    "totale", "totaleordine", "somma", "valor", "valortotal", "totalgeral", "montante", "bedrag", "totaal",
    "totaalbedrag", "kwota", "suma", "wartosc", "razem", "belopp", "totalbelopp", "summa", "totalt", "belop", "belob",
    "totalbelob", "sum", "maara", "yhteensa", "loppusumma", "castka", "celkem", "cenacelkem", "сумма", "итого",
    "стоимость", "суммазаказа", "toplam", "tutar", "totalmoneyamount", "totalmoney", "amountmoneyamount", "amountmoney",
)  # fmt: skip
SALES = (
    "sales", "revenue", "salesamt", "netwr", "totalsales", "totalrevenue", "salesamount", "salesrevenue",
    "transactionrevenue",
    "totaltransactionrevenue", "purchaserevenue", "itemrevenueinusd", "turnover", "netamount", "nettotal",
    "netrevenue", "grosssales", "umsatz", "nettobetrag", "nettoumsatz", "erloes", "erlos", "chiffreaffaires",
    "chiffredaffaires", "ventes", "montantht", "ventas", "ingresos", "facturacion", "vendite", "fatturato", "ricavo",
    "ricavi", "vendas", "receita", "faturamento", "omzet", "przychod", "sprzedaz", "omsattning", "forsaljning",
    "omsetning", "omsaetning", "salg", "liikevaihto", "myynti", "trzba", "trzby", "выручка", "продажи",
)  # fmt: skip
CHINESE_AND_JAPANESE_TOTALS = ("合計金額", "实付金额", "买家实际支付金额", "订单金额", "訂單金額")
SUBTOTALS = (
    "subtotal", "itemsubtotal", "linesubtotal", "ordersubtotal", "zwischensumme", "soustotal", "subtotale",
    "subtotaal", "delsumma", "valisumma",
)  # fmt: skip
SALE_OR_RECEIPT_WORDS = (  # what a total may be of
    *ORDER_WORDS, "ticket", "cart", "purchase", "sale", "checkout", "bill", "check", "bon", "panier", "warenkorb",
    "carrello", "carrito", "einkaufs", "achat", "ticketdecaisse", "scontrino", "paragonu", "kvitto",
)  # fmt: skip
MONEY_ROLES = ("amount", "unit_price", "refunded")  # what data.scale multiplies

USUAL_NAMES: Mapping[str, tuple[str, ...]] = {
    "customer_id": (
        "fullvisitorid", "visitorid", "userpseudoid", "loyaltycardnumber", "cardnumber", "passengerid",
        "guestid", "donorid", "patientid", "playerid", "contactid", "partyid", "masterid", "buyerusername",
        "customerreferenceid", "shopperreference", "会員id", "顧客id", "会员id", "客户id", "買家帳號", "买家会员名",
        *CUSTOMER_WORDS, "donor", "contact", "email", "customeremail", "emailaddress",
        "buyeremail", "billingemail", "clientemail", "useremail", "contactemail", "fromemailaddress", "emailkunde",
        "kundenemail",
        "courriel", "correo", "correoelectronico", "mail", "customername", "clientname", "buyername", "billtoname",
        "billingname", "kundenname", "nutzernamedeskaufers", "namedeskaufers", "nomclient", "nombrecliente",
        "nomecliente", "klantnaam", "kundnamn", "username",
        "cardid", "kunnr", "kunag", "kunrg",
    ),
    "date": (
        "orderpurchasetimestamp", "date", "orderedat", "purchasedat", "soldat", "eventdate", "eventtimestamp",
        "visitstarttime", "datetime", "timestamp", "time", "dateutc", "transactiondateutc", "ts", "dt", "epoch",
        "unixtime", "unixtimestamp", "createddateutc", "注文日", "注文日時", "订单创建时间", "下单时间", "訂單日期",
        "closedate", "dateadd",
        "datecreated", "createdat", "createddate", "createdon", "created", "createdutc", "creationdate", "placedat",
        "dateplaced", "dateadded", "processedat", "paidat", "datepaid", "paymentdate", "paidondate", "dateofpurchase",
        "dateoforder", "dateofsale", "day", "datum", "tag", "zeitstempel", "zeitpunkt", "erstelltam", "bestelltam",
        "verkauftam", "gekauftam", "belegdatum", "buchungsdatum", "jour", "fecha", "fechayhora", "dia", "data",
        "giorno", "creele", "dag", "dato", "paiva", "paivamaara", "pvm", "dzien", "den", "tarih", "дата", "датаивремя",
        "день", "month", "monat", "mes", "mois", "mese", "maand", "miesiac", "manad", "maned", "kuukausi", "mesic",
        "месяц", "audat", "fkdat", "erdat", "budat", "bldat",
    ),
    "amount": (*LINE_TOTALS, *SALES, *CHINESE_AND_JAPANESE_TOTALS, *TOTALS, *SUBTOTALS),
    "quantity": (
        "quantity", "qty", "quantitypurchased", "quantityordered", "quantitysold", "qtyordered", "orderqty",
        "orderquantity", "units", "unitssold", "itemcount", "quantityshipped", "lineitemquantity", "productquantity",
        "itemquantity", "pieces", "pcs", "menge", "anzahl", "stueck", "stuck", "stueckzahl", "stuckzahl", "quantite",
        "qte", "nombre", "cantidad", "cant", "unidades", "quantita", "qta", "pezzi", "quantidade", "qtd", "qtde",
        "unidade", "aantal", "hoeveelheid", "ilosc", "sztuk", "antal", "kvantitet", "antall", "kpl", "lukumaara",
        "kwmeng", "fkimg",
        "mnozstvi", "pocet", "kusu", "количество", "колво", "adet",
    ),
    "unit_price": (
        "unitprice", "price", "unitamount", "unitamountdecimal", "itemprice", "priceperunit",
        "priceeach", "priceunit", "pricepaid", "sellingprice",
        "saleprice", "salesprice", "listprice", "retailprice", "lineitemprice", "productprice", "unitcost", "preis",
        "einzelpreis",
        "stueckpreis", "stuckpreis", "verkaufspreis", "prix", "prixunitaire", "prixunite", "precio", "preciounitario",
        "preciounidad", "prezzo", "prezzounitario", "preco", "precounitario", "valorunitario", "prijs", "stuksprijs",
        "eenheidsprijs", "cena", "cenajednostkowa", "pris", "styckpris", "apris", "enhetspris", "stykpris",
        "enhedspris", "hinta", "yksikkohinta", "ahinta", "jednotkovacena", "cenazakus", "цена", "ценазаединицу",
        "fiyat", "birimfiyat",
    ),
    "discount": (
        *DISCOUNT_WORDS, "discounts", "itempromotiondiscount", "couponamount", "indirim",
    ),
    "order_id": (
        "注文番号", "订单编号", "订单号", "訂單編號",
        "order", "invoice", "doc", "vbeln", "incrementid", "amazonorderid", "salesrecordnumber", "ordername",
        "ticketid", "ticketno", "ticketnumber", "receipt", "basket", "transaction", "salesid", "saleid", "purchaseid",
        "visitid", "bestellung",
        "auftrag", "rechnung", "beleg", "bon", "bonid", "bonnr", "commande", "pedido", "ordine", "encomenda",
        "bestelling", "zamowienie", "tilaus", "objednavka", "заказ", "чек", "facture", "factura", "fattura", "fatura",
        "factuur", "faktura", "lasku", "kuitti", "paragon",
    ),
    "product": (
        "product", "stockcode", "productid", "sku", "productsku", "productcode", "itemid", "item", "articleid",
        "article", "asin", "itemnumber", "itemcode", "lineitemsku", "listingid", "productname", "artikelnummer",
        "artikelnr", "artikelid", "artikel", "produkt", "produktid", "produkti", "produit", "producto", "idproducto",
        "articulo", "prodotto", "idprodotto", "articolo", "produto", "idproduto", "artigo", "towar", "vare",
        "varenummer", "vara", "tuote", "matnr", "tuotekoodi", "vyrobek", "zbozi", "товар", "артикул", "urun",
    ),
    "product_name": (
        "description", "productdescription", "itemname", "itemtitle", "itemdescription", "lineitemname",
        "productcategoryname", "artikelbezeichnung", "bezeichnung", "artikelname", "produktname", "designation",
        "descripcion", "descrizione", "descricao", "omschrijving", "nazwa", "opis", "beskrivning", "beskrivelse",
        "kuvaus", "nazev", "popis", "наименование", "название", "описание",
        "arktx", "maktx",
    ),
    "country": (
        "country", "countryname", "countrycode", "shipcountry", "billingcountry", "shippingcountry", "buyercountry",
        "customercountry", "shiptocountry", "land", "lieferland", "pays", "pais", "paese", "kraj", "maa", "zeme",
        "страна", "ulke",
    ),
    "channel": ("channel", "saleschannel", "source", "kanal", "vertriebskanal", "canal", "canale", "kanaal", "канал"),
    "currency": (
        "currency", "currencycode", "ordercurrency", "ordercurrencycode", "wahrung", "waehrung", "devise", "moneda",
        "divisa", "valuta", "moeda", "waluta", "valuutta", "mena", "валюта", "waerk",
        "waers",
    ),
    "refunded": REFUND_WORDS,
    "second_discount": (),  # parsing.discount_guesses finds it by the first one
    "status": (),  # parsing.order_roles finds it by its values too
    "email": (),  # and this only beside a customer id
}  # fmt: skip


# Exports that use a usual name for something else, by a column that only they have.
EXPORT_COLUMNS_BY_MARKER = {
    "amazonorderid": {"amount": "itemprice"},  # of all units
    "customeruniqueid": {"customer_id": "customeruniqueid"},  # Olist: a customer_id stands for one order
}

# Names of two words, in either order.
TWO_WORD_NAMES = {
    "customer_id": ((*CUSTOMER_WORDS, *PERSON_WORDS), ID_WORDS),
    "date": (PURCHASE_WORDS, DATE_WORDS),
    "discount": (DISCOUNT_WORDS, DISCOUNT_SUFFIX_WORDS),
    "refunded": (REFUND_WORDS, MONEY_WORDS),
    "order_id": (ORDER_WORDS, ID_WORDS),
    "amount": (SALE_OR_RECEIPT_WORDS, MONEY_WORDS),
}


@cache
def _two_word_pattern(role: str) -> re.Pattern[str]:
    words, kinds = ("|".join(map(normalise_name, some)) for some in TWO_WORD_NAMES[role])
    return re.compile(f"(?:{kinds})(?:{'|'.join(PREPOSITIONS)})?({words})|({words})(?:{kinds})")


@cache
def _rank_usual_names(role: str) -> dict[str, int]:
    words, _ = TWO_WORD_NAMES.get(role, ((), ()))
    return {normalise_name(name): rank for rank, name in enumerate(USUAL_NAMES[role], len(words) + 1)}


def _rank_normalised_name(role: str, name: str) -> int | None:
    known = _rank_usual_names(role).get(name)
    if role == "amount" and known is not None:
        return known
    match = _two_word_pattern(role).fullmatch(name) if role in TWO_WORD_NAMES else None
    if match is None:
        return known
    if role == "amount":  # behind all names of its own
        return _rank_usual_names(role)[TOTALS[-1]]
    words = list(map(normalise_name, TWO_WORD_NAMES[role][0]))
    return words.index(match[1] or match[2]) + 1


def usual_name(role: str, column: str) -> str | None:
    """Return the usual name that a column bears, such as ``total`` for ``orders.Total (EUR)``; None if it has none."""
    full, last = normalise_name(column), normalise_name(column.rsplit(".", 1)[-1])
    suffixes = (CURRENCY_SUFFIX, CENTS_SUFFIX) if role in MONEY_ROLES else (CURRENCY_SUFFIX,)
    forms = (full, last, *(suffix.sub("", form) for suffix in suffixes for form in (full, last)))
    return next((form for form in forms if _rank_normalised_name(role, form) is not None), None)


def is_name_in_cents(column: str) -> bool:
    """Return whether the name of a column says that it holds hundredths of the currency, as ``amount_cents`` does."""
    name = normalise_name(column)
    money = CENTS_SUFFIX.sub("", name)
    return money != name and any(_rank_normalised_name(role, money) is not None for role in MONEY_ROLES)


def rank_name(role: str, column: str) -> int | None:
    """Rank a column among the usual names of a role: 0 is the role's own name, then the most usual first."""
    if column == role:
        return 0
    name = usual_name(role, column)
    return None if name is None else _rank_normalised_name(role, name)
