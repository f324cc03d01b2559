"""Tells, as JSON, what Stripe's own package knows: its version of the API, and of each list the parameters and fields.

It runs in the environment `.stripe`.
"""

import json
import sys

import stripe
from stripe import checkout, params

KINDS = (
    *("Account", "ApplicationFee", "BalanceTransaction", "Charge", "Coupon", "CreditNote", "Customer", "Dispute"),
    *("Event", "Invoice", "InvoiceItem", "PaymentIntent", "Payout", "Price", "Product", "PromotionCode", "Refund"),
    *("SetupIntent", "Subscription", "SubscriptionItem", "SubscriptionSchedule", "TaxRate", "Topup", "Transfer"),
)
LISTS = {
    checkout.Session: params.checkout.SessionListParams,
    **{getattr(stripe, name): getattr(params, f"{name}ListParams") for name in KINDS},
}
TOLD = {
    kind.class_url().removeprefix("/v1/"): [sorted(known.__annotations__), sorted(kind.__annotations__)]
    for kind, known in LISTS.items()
}
sys.stdout.write(json.dumps({"version": stripe.api_version, "lists": TOLD}))
