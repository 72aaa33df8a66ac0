"""What is guessed for the header rows of well-known exports, as their documentation gives them."""

import pyarrow as pa
import pytest

from clv_experiments.data.engine import DuckDb
from clv_experiments.data.parsing.column_contents import ColumnSample
from clv_experiments.data.parsing.columns import choose_column_roles
from clv_experiments.errors import ClvError

ENGINE = DuckDb()
# Header and two invented rows, separated by bars, and what is guessed. Cells that do not matter are empty.
EXPORTS = {
    "Shopify orders": (
        "Name|Email|Financial Status|Paid at|Fulfillment Status|Fulfilled at|Accepts Marketing|Currency|Subtotal|"
        "Shipping|Taxes|Total|Discount Code|Discount Amount|Shipping Method|Created at|Lineitem quantity|Lineitem name|"
        "Lineitem price|Lineitem compare at price|Lineitem sku|Billing Name|Billing Country|Cancelled at|"
        "Payment Method|Payment Reference|Refunded Amount|Vendor|Outstanding Balance|Employee|Location|Device ID|Id|"
        "Tags|Risk Level|Source|Lineitem discount|Receipt Number",
        "#1001|a@x.org|paid|2024-01-03 10:00:00 +0100||||EUR|20.00|4.90|3.19|24.90||0.00||2024-01-03 09:59:00 +0100|2|"
        "Mug|10.00||M-1|Ann|FR||Card|r1|0.00|Mugs|0.00||||9001||Low|web|0.00|",
        "#1002|b@x.org|paid|2024-01-04 10:00:00 +0100||||EUR|30.00|0|4.79|25.00|TEN|5.00||2024-01-04 09:59:00 +0100|1|"
        "Cup|30.00||C-1|Bob|DE||Card|r2|0.00|Mugs|0.00||||9002||Low|web|0.00|",
        "customer_id=Email date=Created_at amount=Total quantity=Lineitem_quantity unit_price=Lineitem_price "
        "discount=Discount_Amount product=Lineitem_sku product_name=Lineitem_name country=Billing_Country "
        "channel=Source currency=Currency refunded=Refunded_Amount",
    ),
    "Adyen received payments": (
        "Company Account|Merchant Account|Psp Reference|Merchant Reference|Payment Method|Creation Date|TimeZone|"
        "Amount|Currency|Type|Shopper Email|Shopper Reference",
        "Co|Shop|8816|R1|visa|2024-01-03 10:00:00|CET|20.27|EUR|SentForSettle|a@x.org|cust1",
        "Co|Shop|8817|R2|visa|2024-01-04 10:00:00|CET|30.00|EUR|SentForSettle|b@x.org|cust2",
        "customer_id=Shopper_Reference date=Creation_Date amount=Amount currency=Currency",
    ),
    "Rakuten orders": (
        "注文番号|会員ID|合計金額|注文日|ステータス",
        "R-1|c1|2027|2024/01/03|発送済み",
        "R-2|c2|3000|2024/01/04|発送済み",
        "customer_id=会員ID date=注文日 amount=合計金額 order_id=注文番号",
    ),
    "Stripe payments": (
        "id|Created date (UTC)|Amount|Amount Refunded|Currency|Captured|Converted Amount|Converted Amount Refunded|"
        "Converted Currency|Decline Reason|Description|Fee|Is Link|Mode|Payment Source Type|Status|Taxes On Fee|"
        "Card ID|Customer ID|Customer Email|Invoice ID",
        "ch_1|2024-01-03 22:03|20.27|0.00|usd|true|20.27|0.00|usd||Payment|0.61|false|Live|card|Paid|0.00|c1|cus_1|"
        "a@x.org|",
        "ch_2|2024-01-04 22:03|30.00|0.00|usd|true|30.00|0.00|usd||Payment|0.81|false|Live|card|Paid|0.00|c2|cus_2|"
        "b@x.org|",
        "customer_id=Customer_ID date=Created_date_(UTC) amount=Amount product_name=Description currency=Currency "
        "refunded=Amount_Refunded",
    ),
    "Stripe payments of no customers": (
        "id|Created date (UTC)|Amount|Amount Refunded|Currency|Description|Status|Card ID|Customer ID|Customer Email",
        "ch_1|2024-01-03 22:03|20.27|0.00|usd||Paid|c1||a@x.org",
        "ch_2|2024-01-04 22:03|30.00|0.00|usd||Paid|c2||b@x.org",
        "customer_id=Customer_Email date=Created_date_(UTC) amount=Amount currency=Currency refunded=Amount_Refunded",
    ),
    "WooCommerce orders": (
        "order_id|order_number|order_date|status|shipping_total|tax_total|order_total|order_currency|payment_method|"
        "customer_id|billing_email|billing_country",
        "50|50|2022-01-03 22:03:58|completed|4.95|0|20.27|EUR|stripe|226|a@x.org|DE",
        "51|51|2022-01-05 18:56:12|completed|4.95|0|19.36|EUR|stripe|227|b@x.org|DE",
        "customer_id=customer_id date=order_date amount=order_total order_id=order_id country=billing_country "
        "currency=order_currency",
    ),
    "Magento sales grid": (
        "ID|Purchase Point|Purchase Date|Bill-to Name|Ship-to Name|Grand Total (Base)|Grand Total (Purchased)|Status|"
        "Customer Email|Customer Group|Subtotal|Shipping and Handling|Customer Name|Payment Method|Total Refunded",
        "000000001|Main|Jan 3, 2024 10:00:00 AM|Ann|Ann|24.90|24.90|Complete|a@x.org|General|20.00|4.90|Ann|check|",
        "000000002|Main|Jan 4, 2024 10:00:00 AM|Bob|Bob|30.00|30.00|Complete|b@x.org|General|30.00|0.00|Bob|check|",
        "customer_id=Customer_Email date=Purchase_Date amount=Grand_Total_(Purchased) refunded=Total_Refunded",
    ),
    "Magento sales_order": (
        "entity_id|increment_id|customer_id|customer_email|base_grand_total|grand_total|subtotal|discount_amount|"
        "order_currency_code|created_at|updated_at",
        "1|000000001|7|a@x.org|24.90|24.90|20.00|0.00|EUR|2024-01-03 10:00:00|2024-02-03 10:00:00",
        "2|000000002|8|b@x.org|30.00|30.00|30.00|0.00|EUR|2024-01-04 10:00:00|2024-02-04 10:00:00",
        "customer_id=customer_id date=created_at amount=grand_total discount=discount_amount order_id=increment_id "
        "currency=order_currency_code",
    ),
    "Square items": (
        "Date|Time|Time Zone|Category|Item|Qty|Price Point Name|SKU|Modifiers Applied|Gross Sales|Discounts|Net Sales|"
        "Tax|Transaction ID|Payment ID|Device Name|Notes|Details|Event Type|Location|Dining Option|Customer ID|"
        "Customer Name|Customer Reference ID|Unit|Count|Itemization Type|Commission|Employee",
        "2024-01-03|14:00:00|Eastern Time (US & Canada)|Cups|Mug|2|Regular|M-1||$36.00|$0.00|$36.00|$2.88|T1|P1||||"
        "Payment|Main||K1|Ann||ea|2|Physical Good|$0.00|Eve",
        "2024-01-04|10:02:11|Eastern Time (US & Canada)|Cups|Mug|1|Regular|M-1||$18.00|-$3.00|$15.00|$1.20|T2|P2||||"
        "Payment|Main||K2|Bob||ea|1|Physical Good|$0.00|Eve",
        "customer_id=Customer_ID date=Date amount=Net_Sales quantity=Qty discount=Discounts order_id=Transaction_ID "
        "product=SKU",
    ),
    "Square transactions": (
        "Date|Time|Time Zone|Gross Sales|Discounts|Service Charges|Net Sales|Gift Card Sales|Tax|Tip|Partial Refunds|"
        "Total Collected|Source|Card|Card Entry Methods|Cash|Square Gift Card|Other Tender|Fees|Net Total|"
        "Transaction ID|Payment ID|Description|Event Type|Location|Dining Option|Customer ID|Customer Name|"
        "Customer Reference ID|Deposit ID|Deposit Date|Transaction Status",
        "2024-01-03|14:00:00|UTC|$36.00|$0.00|$0.00|$36.00|$0.00|$2.88|$0.00|$0.00|$38.88|Point of Sale|$38.88|Tap|"
        "$0.00|$0.00|$0.00|-$1.20|$37.68|T1|P1|Mug|Payment|Main||K1|Ann||D1|2024-01-04|Complete",
        "2024-01-04|10:02:11|UTC|$18.00|-$3.00|$0.00|$15.00|$0.00|$1.20|$0.00|$0.00|$16.20|Point of Sale|$16.20|Tap|"
        "$0.00|$0.00|$0.00|-$0.50|$15.70|T2|P2|Mug|Payment|Main||K2|Bob||D2|2024-01-05|Complete",
        "customer_id=Customer_ID date=Date amount=Net_Sales discount=Discounts order_id=Transaction_ID "
        "product_name=Description channel=Source",
    ),
    "Amazon all orders": (
        "amazon-order-id|merchant-order-id|purchase-date|last-updated-date|order-status|fulfillment-channel|"
        "sales-channel|order-channel|ship-service-level|product-name|sku|asin|item-status|quantity|currency|item-price|"
        "item-tax|shipping-price|shipping-tax|item-promotion-discount|ship-country|buyer-email",
        "111-1|M1|2024-01-03T09:15:00Z|2024-01-05T09:15:00Z|Shipped|Amazon|Amazon.com||Std|Mug|M-1|B0|Shipped|2|USD|"
        "36.00|2.88|4.00|0|0|US|a@x.org",
        "111-2|M2|2024-01-04T09:15:00Z|2024-01-06T09:15:00Z|Shipped|Amazon|Amazon.com||Std|Mug|M-1|B0|Shipped|1|USD|"
        "18.00|1.44|4.00|0|0|US|b@x.org",
        "customer_id=buyer-email date=purchase-date amount=item-price quantity=quantity "
        "discount=item-promotion-discount order_id=amazon-order-id product=sku country=ship-country "
        "channel=sales-channel currency=currency",
    ),
    "PayPal activity": (
        "Date|Time|TimeZone|Name|Type|Status|Currency|Gross|Fee|Net|From Email Address|To Email Address|"
        "Transaction ID|Item Title|Item ID|Balance",
        "03/01/2024|10:00:00|CET|Ann|Express Checkout Payment|Completed|EUR|24,90|-0,98|23,92|a@x.org|shop@x.org|T1|"
        "Mug|"
        "M-1|123,92",
        "24/01/2024|10:00:00|CET|Bob|Express Checkout Payment|Completed|EUR|30,00|-1,10|28,90|b@x.org|shop@x.org|T2|"
        "Cup|"
        "C-1|152,82",
        "customer_id=From_Email_Address date=Date amount=Gross order_id=Transaction_ID product=Item_ID "
        "product_name=Item_Title currency=Currency",
    ),
    "Etsy sold orders": (
        "Sale Date|Order ID|Buyer User ID|Full Name|Number of Items|Payment Method|Date Shipped|Ship Country|Currency|"
        "Order Value|Coupon Code|Discount Amount|Shipping Discount|Shipping|Sales Tax|Order Total|Status|"
        "Card Processing Fees|Order Net|Adjusted Order Total|Adjusted Net Order Amount|Buyer|SKU",
        "12/30/23|3001|u1|Ann|2|Card|12/31/23|France|EUR|20.00||0.00|0.00|4.90|0|24.90|Paid|1.20|23.70|0|0|Ann|M-1",
        "01/30/24|3002|u2|Bob|1|Card|01/31/24|France|EUR|30.00|TEN|3.00|0.00|0|0|27.00|Paid|1.30|25.70|0|0|Bob|C-1",
        "customer_id=Buyer_User_ID date=Sale_Date amount=Order_Total discount=Discount_Amount order_id=Order_ID "
        "product=SKU country=Ship_Country currency=Currency",
    ),
    "Etsy sold order items": (
        "Sale Date|Item Name|Buyer|Quantity|Price|Coupon Code|Discount Amount|Order Shipping|Order Sales Tax|"
        "Item Total|"
        "Currency|Transaction ID|Listing ID|Date Paid|Date Shipped|Ship Country|Order ID|Variations",
        "12/30/23|Mug|ann1|2|10.00||0|4.90|0|20.00|EUR|4001|9001|12/30/23|12/31/23|France|3001|",
        "01/30/24|Cup|bob2|1|30.00|TEN|3.00|0|0|30.00|EUR|4002|9002|01/30/24|01/31/24|France|3002|",
        "customer_id=Buyer date=Sale_Date amount=Item_Total quantity=Quantity unit_price=Price "
        "discount=Discount_Amount order_id=Order_ID product=Listing_ID product_name=Item_Name country=Ship_Country "
        "currency=Currency",
    ),
    "eBay orders": (
        "Sales Record Number|Order Number|Buyer Username|Buyer Name|Buyer Email|Ship To Country|Item Number|Item Title|"
        "Custom Label|Quantity|Sold For|Shipping And Handling|Seller Collected Tax|Total Price|Payment Method|"
        "Sale Date|"
        "Paid On Date|Ship By Date|Shipped On Date|Transaction ID",
        "1|23-1|ann1|Ann|a@x.org|France|1001|Mug|M-1|2|$20.00|$4.90|0|$24.90|Card|Jan-03-24|Jan-03-24|||5001",
        "2|23-2|bob2|Bob|b@x.org|France|1002|Cup|C-1|1|$30.00|$0.00|0|$30.00|Card|Jan-24-24|Jan-24-24|||5002",
        "customer_id=Buyer_Username date=Sale_Date amount=Total_Price quantity=Quantity order_id=Order_Number "
        "product=Item_Number product_name=Item_Title country=Ship_To_Country",
    ),
    "eBay orders, German": (
        "Verkaufsprotokollnummer|Bestellnummer|Gesamtbetrag|Verkauft am|Zahlungsdatum|Nutzername des Käufers|"
        "Name des Käufers",
        "1|23-1|116,99 €|10-Dez-25|10-Dez-25|ann1|Ann",
        "2|23-2|30,00 €|24-Jan-26|24-Jan-26|bob2|Bob",
        "customer_id=Nutzername_des_Käufers date=Verkauft_am amount=Gesamtbetrag order_id=Bestellnummer",
    ),
    "Wix orders": (
        "Order number|Date created|Time|Total order quantity|Contact email|Item|Variant|SKU|Qty|Quantity refunded|"
        "Price|Deposit amount|Delivery method|Recipient name|Delivery country|Billing name|Billing country|"
        "Payment status|Payment method|Coupon code|Gift card amount|Shipping rate|Total tax|Total",
        "10001|Jan 3, 2024|7:47:45 PM|2|a@x.org|Mug||M-1|2|0|10.00|0|Pickup|Ann|USA|Ann|USA|Paid|Card||0|4.90|0|24.90",
        "10002|Jan 4, 2024|5:28:20 PM|1|b@x.org|Cup||C-1|1|0|30.00|0|Pickup|Bob|USA|Bob|USA|Paid|Card||0|0|0|30.00",
        "customer_id=Contact_email date=Date_created amount=Total quantity=Qty unit_price=Price order_id=Order_number "
        "product=SKU country=Billing_country",
    ),
    "SAP sales items": (
        "VBELN|POSNR|KUNAG|FKDAT|MATNR|ARKTX|FKIMG|NETWR|WAERK",
        "0090000001|000010|0000001021|03.01.2024|M-1|Mug|2|20,00|EUR",
        "0090000002|000010|0000001022|24.01.2024|C-1|Cup|1|30,00|EUR",
        "customer_id=KUNAG date=FKDAT amount=NETWR quantity=FKIMG order_id=VBELN product=MATNR product_name=ARKTX "
        "currency=WAERK",
    ),
    "BigCommerce orders": (
        "Order ID|Customer ID|Customer Name|Customer Email|Customer Phone|Order Date|Order Status|Subtotal (inc tax)|"
        "Subtotal (ex tax)|Tax Total|Shipping Cost (inc tax)|Order Total (inc tax)|Order Total (ex tax)|"
        "Order Currency Code|Total Quantity|Date Shipped|Billing Country",
        "101|7|Ann|a@x.org||03/01/2024|Completed|20.00|16.81|3.98|4.90|24.90|20.92|EUR|2|04/01/2024|France",
        "102|8|Bob|b@x.org||24/01/2024|Completed|30.00|25.21|4.79|0.00|30.00|25.21|EUR|1|25/01/2024|France",
        "customer_id=Customer_ID date=Order_Date amount=Order_Total_(inc_tax) order_id=Order_ID "
        "country=Billing_Country currency=Order_Currency_Code",
    ),
    "Lightspeed sales lines": (
        "Sale ID|Date|Customer ID|Customer|Item|Description|Quantity|Unit Price|Line Discount|Line Subtotal|Employee",
        "900|2024-01-03|7|Ann|M-1|Mug|2|10.00|0.00|20.00|Eve",
        "901|2024-01-04|8|Bob|C-1|Cup|1|30.00|3.00|27.00|Eve",
        "customer_id=Customer_ID date=Date amount=Line_Subtotal quantity=Quantity unit_price=Unit_Price "
        "discount=Line_Discount order_id=Sale_ID product=Item product_name=Description",
    ),
    "Olist, joined": (
        "order_id|customer_id|order_status|order_purchase_timestamp|order_approved_at|order_delivered_carrier_date|"
        "order_estimated_delivery_date|customer_unique_id|payment_type|payment_installments|payment_value",
        "e48|9ef|delivered|2017-10-02 10:56:33|2017-10-02 11:07:15|2017-10-04 19:55:00|2017-10-18 00:00:00|7c3|"
        "credit|1|"
        "38.71",
        "53c|b08|delivered|2018-07-24 20:41:37|2018-07-26 03:24:27|2018-07-26 14:31:00|2018-08-13 00:00:00|af0|"
        "boleto|1|"
        "141.46",
        "customer_id=customer_unique_id date=order_purchase_timestamp amount=payment_value order_id=order_id",
    ),
    "UCI Online Retail": (
        "InvoiceNo|StockCode|Description|Quantity|InvoiceDate|UnitPrice|CustomerID|Country",
        "536365|85123A|HOLDER|6|12/1/2010 8:26|2.55|17850|United Kingdom",
        "536366|22633|WARMER|6|12/13/2010 8:28|1.85|17851|United Kingdom",
        "customer_id=CustomerID date=InvoiceDate quantity=Quantity unit_price=UnitPrice order_id=InvoiceNo "
        "product=StockCode product_name=Description country=Country",
    ),
    "Northwind, joined": (
        "OrderID|CustomerID|EmployeeID|OrderDate|RequiredDate|ShippedDate|ShipVia|Freight|ShipCountry|ProductID|"
        "UnitPrice|Quantity|Discount",
        "10248|VINET|5|1996-07-04|1996-08-01|1996-07-16|3|32.38|France|11|14|12|0.0",
        "10250|HANAR|4|1996-07-08|1996-08-05|1996-07-12|2|65.83|Brazil|51|42.4|35|0.15",
        "customer_id=CustomerID date=OrderDate quantity=Quantity unit_price=UnitPrice discount=Discount "
        "order_id=OrderID product=ProductID country=ShipCountry",
    ),
    "Superstore": (
        "Row ID|Order ID|Order Date|Ship Date|Ship Mode|Customer ID|Customer Name|Segment|Country|City|State|"
        "Postal Code|Region|Product ID|Category|Sub-Category|Product Name|Sales|Quantity|Discount|Profit",
        "1|CA-1|11/8/2016|11/11/2016|Second|CG-12520|Claire|Consumer|United States|Henderson|Kentucky|42420|South|"
        "FUR-1|"
        "Furniture|Bookcases|Bush|261.96|2|0|41.9136",
        "2|CA-2|6/12/2016|6/16/2016|Second|DV-13045|Darrin|Corporate|United States|Los Angeles|California|90036|West|"
        "OFF-1|Office|Labels|Avery|14.62|2|0.2|6.8714",
        "customer_id=Customer_ID date=Order_Date amount=Sales quantity=Quantity discount=Discount order_id=Order_ID "
        "product=Product_ID country=Country",
    ),
    "Google Analytics 4, flat": (
        "event_date|event_timestamp|user_pseudo_id|user_id|ecommerce.transaction_id|ecommerce.purchase_revenue|"
        "geo.country|traffic_source.source",
        "20240103|1704276000000000|1068203.1704276000||T1|24.9|France|google",
        "20240104|1704362400000000|2210944.1704362400||T2|30.0|France|(direct)",
        "customer_id=user_pseudo_id date=event_date amount=ecommerce.purchase_revenue "
        "order_id=ecommerce.transaction_id country=geo.country channel=traffic_source.source",
    ),
    "Google Analytics, flat": (
        "fullVisitorId|visitId|date|channelGrouping|transactionId|transactionRevenue",
        "0213131142648941|1472830385|20160902|Direct|ORD1|24.9",
        "0435324061339869|1472880147|20160903|Organic Search|ORD2|30.5",
        "customer_id=fullVisitorId date=date amount=transactionRevenue order_id=transactionId",
    ),
    "CDNOW": (
        "customer_id|date|quantity|amount",
        "00001|19970101|1|11.77",
        "00002|19970112|1|12.00",
        "customer_id=customer_id date=date amount=amount quantity=quantity",
    ),
    "Klaviyo placed orders": (
        "Event|Event Date|Email|First Name|Order ID|Value|Currency",
        "Placed Order|2024-01-03 10:00:00|a@x.org|Ann|1001|24.90|EUR",
        "Placed Order|2024-01-24 10:00:00|b@x.org|Bob|1002|30.00|EUR",
        "customer_id=Email date=Event_Date amount=Value order_id=Order_ID currency=Currency",
    ),
    "Salesforce opportunities": (
        "Account ID|Account Name|Opportunity Name|Stage|Close Date|Created Date|Amount|Owner",
        "001A|Acme|Mugs|Closed Won|1/31/2024|1/15/2023|24.90|Eve",
        "001B|Deco|Cups|Closed Won|2/24/2024|1/15/2023|30.00|Eve",
        "customer_id=Account_ID date=Close_Date amount=Amount",
    ),
    "Odoo sale orders": (
        "id|name|partner_id|date_order|amount_untaxed|amount_tax|amount_total|state",
        "1|S00001|base.p1|2024-01-03 10:00:00|20.75|4.15|24.90|sale",
        "2|S00002|base.p2|2024-01-04 10:00:00|25.00|5.00|30.00|sale",
        "customer_id=partner_id date=date_order amount=amount_total",
    ),
    "PrestaShop orders": (
        "id_order|reference|id_customer|total_paid|total_paid_real|total_products|current_state|date_add|date_upd",
        "1|XA|7|24.90|24.90|20.00|5|2024-01-03 10:00:00|2024-12-01 10:00:00",
        "2|XB|8|30.00|30.00|27.00|5|2024-01-04 10:00:00|2024-12-01 10:00:00",
        "customer_id=id_customer date=date_add amount=total_paid order_id=id_order",
    ),
    "completejourney": (
        "household_id|store_id|basket_id|product_id|quantity|sales_value|retail_disc|coupon_disc|coupon_match_disc|"
        "week|transaction_timestamp",
        "900|330|31198570044|1095275|1|0.50|0.00|0|0|1|2017-01-01 11:53:26",
        "901|330|31198570047|9878513|1|0.99|0.10|0|0|1|2017-01-02 12:10:28",
        "customer_id=household_id date=transaction_timestamp amount=sales_value quantity=quantity order_id=basket_id "
        "product=product_id",
    ),
}
MISSING = {
    "Instacart": (
        "order_id|user_id|eval_set|order_number|order_dow|order_hour_of_day|days_since_prior_order",
        "2539329|1|prior|1|2|08|",
        "2398795|1|prior|2|3|07|15.0",
        "looks like its date",
    ),
    "dunnhumby": (
        "household_key|BASKET_ID|DAY|PRODUCT_ID|QUANTITY|SALES_VALUE|STORE_ID|RETAIL_DISC|TRANS_TIME|WEEK_NO",
        "2375|26984851472|1|1004906|1|1.39|364|-0.6|1631|1",
        "2375|26984851473|2|1033142|1|0.82|364|0|1631|1",
        "DAY holds whole numbers such as '1'",
    ),
    "Amazon date range": (
        "date/time|settlement id|type|order id|sku|description|quantity|marketplace|fulfillment|product sales|total",
        "Jan 15, 2024 10:30:00 AM PST|1|Order|111-1|M-1|Mug|1|amazon.com|Amazon|36.00|29.10",
        "Jan 16, 2024 10:30:00 AM PST|1|Order|111-2|M-1|Mug|1|amazon.com|Amazon|36.00|29.10",
        "looks like its customer_id",
    ),
}


def contents_of(*lines):
    header, *rows = (line.split("|") for line in lines)
    columns = zip(*rows, strict=True)
    table = pa.table({name: pa.array(cells) for name, cells in zip(header, columns, strict=True)})
    return ENGINE.register_arrow("export", table)


@pytest.mark.parametrize("name", EXPORTS)
def test_known_exports_are_guessed(name):
    *lines, expected = EXPORTS[name]
    raw = contents_of(*lines)
    chosen = choose_column_roles(raw.columns, {}, "shop", ColumnSample(raw))
    assert {role: column.replace(" ", "_") for role, column in chosen.by_role.items()} == dict(
        pair.split("=") for pair in expected.split()
    )


@pytest.mark.parametrize("name", MISSING)
def test_exports_without_a_date_are_refused(name):
    *lines, message = MISSING[name]
    raw = contents_of(*lines)
    with pytest.raises(ClvError) as refused:
        choose_column_roles(raw.columns, {}, "shop", ColumnSample(raw))
    assert message in str(refused.value)


@pytest.mark.parametrize(
    "header",
    [
        "Kundennummer Bestelldatum Gesamtbetrag Bestellnummer", "Kunde Rechnungsdatum Umsatz Rechnungsnr",
        "Numéro_client Date_de_commande Montant_TTC N°_commande", "id_client date_achat chiffre_d'affaires commande",
        "id_cliente fecha importe nº_pedido", "Código_cliente Fecha_de_compra Importe_total Número_de_factura",
        "id_cliente data_ordine importo numero_ordine", "Codice_Cliente Data_di_acquisto Totale Fattura_Nr",
        "id_cliente data_da_compra valor_total número_do_pedido", "Cliente Data_Venda Valor Pedido",
        "Klantnummer Besteldatum Totaalbedrag Bestelnummer", "klant_id datum omzet factuurnummer",
        "id_klienta data_zamówienia kwota numer_zamówienia", "Klient Data_sprzedaży Wartość Nr_faktury",
        "Kundnummer Orderdatum Belopp Ordernummer", "kund_id köpdatum summa order_nr",
        "Kundenr Ordredato Beløb Ordrenummer", "kunde_id kjøpsdato beløp ordre_nr",
        "Asiakasnumero Tilauspäivä Summa Tilausnumero", "asiakas_id pvm yhteensä tilaus_nro",
        "ID_zákazníka Datum_objednávky Částka Číslo_objednávky", "zákazník datum celkem objednávka",
        "ID_клиента Дата_заказа Сумма Номер_заказа", "Клиент Дата Итого Чек",
    ],
)  # fmt: skip
def test_names_in_other_languages_are_known(header):
    columns = header.replace("_", " ").split(" ") if "_" not in header else header.split()
    chosen = choose_column_roles(columns, {}, "shop")
    guessed = [chosen.by_role[role] for role in ("customer_id", "date", "amount")]
    assert guessed == columns[:3]
    assert chosen.by_role.get("order_id") == columns[3]
