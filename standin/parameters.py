"""The parameters that each create and update call has, as API 2026-10-28.endive names them.

Any other name is refused with ``parameter_unknown``, as Stripe does. Names are known here also
where the stand-in has no use for them.
"""

from __future__ import annotations

from .names import names


def _names(text: str) -> frozenset[str]:
    return frozenset((*names(text), "expand"))


CUSTOMER = _names(
    "address balance business_name cash_balance default_source description email individual_name "
    "invoice_prefix invoice_settings metadata name next_invoice_sequence payment_method phone "
    "preferred_locales shipping source tax tax_exempt tax_id_data test_clock validate"
)
PRODUCT = _names(
    "active default_price default_price_data description id images marketing_features metadata "
    "name package_dimensions shippable statement_descriptor tax_code tax_details type unit_label "
    "url"
)
PRICE = _names(
    "active billing_scheme currency currency_options custom_unit_amount lookup_key metadata "
    "nickname product product_data recurring tax_behavior tiers tiers_mode transfer_lookup_key "
    "transform_quantity unit_amount unit_amount_decimal"
)
PRICE_UPDATE = _names(
    "active currency_options lookup_key metadata nickname tax_behavior transfer_lookup_key"
)
COUPON = _names(
    "amount_off applies_to currency currency_options duration duration_in_months id "
    "max_redemptions metadata name percent_off redeem_by"
)
COUPON_UPDATE = _names("currency_options metadata name")
PAYMENT_INTENT = _names(
    "allowed_payment_method_types amount amount_details application_fee_amount "
    "automatic_payment_methods capture_method confirm confirmation_method confirmation_token "
    "currency customer customer_account description error_on_requires_action "
    "excluded_payment_method_types hooks mandate mandate_data metadata off_session on_behalf_of "
    "payment_details payment_method payment_method_configuration payment_method_data "
    "payment_method_options payment_method_types radar_options receipt_email return_url "
    "setup_future_usage shipping statement_descriptor statement_descriptor_suffix transfer_data "
    "transfer_group use_stripe_sdk"
)
CONFIRM = _names(
    "allowed_payment_method_types amount_details amount_to_confirm capture_method "
    "confirmation_token error_on_requires_action excluded_payment_method_types hooks mandate "
    "mandate_data off_session payment_details payment_method payment_method_data "
    "payment_method_options radar_options receipt_email return_url setup_future_usage shipping "
    "use_stripe_sdk"
)
CAPTURE = _names(
    "amount_details amount_to_capture application_fee_amount final_capture hooks metadata "
    "payment_details statement_descriptor statement_descriptor_suffix transfer_data"
)
CANCEL_INTENT = _names("cancellation_reason")
CHARGE_UPDATE = _names(
    "customer description fraud_details metadata receipt_email shipping transfer_group"
)
REFUND = _names(
    "amount charge currency customer instructions_email metadata origin payment_intent reason "
    "refund_application_fee reverse_transfer"
)
METADATA = _names("metadata")
DISPUTE = _names("evidence intended_submission_method metadata submit")
PAYOUT = _names(
    "amount currency description destination metadata method payout_method source_type "
    "statement_descriptor"
)
SESSION = _names(
    "adaptive_pricing after_expiration allow_promotion_codes allowed_payment_method_types "
    "automatic_tax billing_address_collection branding_settings cancel_url client_reference_id "
    "consent_collection currency custom_fields custom_text customer customer_account "
    "customer_creation customer_email customer_update discounts excluded_payment_method_types "
    "expires_at integration_identifier invoice_creation line_items locale managed_payments "
    "metadata mode name_collection optional_items origin_context payment_intent_data "
    "payment_method_collection payment_method_configuration payment_method_data "
    "payment_method_options payment_method_types permissions phone_number_collection "
    "redirect_on_completion return_url saved_payment_method_options setup_intent_data "
    "shipping_address_collection shipping_options submit_type subscription_data success_url "
    "tax_id_collection ui_mode wallet_options"
)
SUBSCRIPTION = _names(
    "add_invoice_items application_fee_percent automatic_tax backdate_start_date "
    "billing_cycle_anchor billing_cycle_anchor_config billing_mode billing_schedules "
    "billing_thresholds cancel_at cancel_at_period_end collection_method currency customer "
    "customer_account days_until_due default_payment_method default_source default_tax_rates "
    "description discounts invoice_settings items metadata off_session on_behalf_of "
    "payment_behavior payment_settings pending_invoice_item_interval proration_behavior "
    "transfer_data trial_end trial_from_plan trial_period_days trial_settings"
)
SUBSCRIPTION_UPDATE = (SUBSCRIPTION - {"customer", "currency", "trial_period_days"}) | _names(
    "cancellation_details pause_collection proration_date"
)
SUBSCRIPTION_CANCEL = _names("cancellation_details invoice_now prorate")
RESUME = _names("billing_cycle_anchor proration_behavior proration_date")
INVOICE = _names(
    "account_tax_ids application_fee_amount auto_advance automatic_tax "
    "automatically_finalizes_at collection_method currency custom_fields customer "
    "customer_account days_until_due default_payment_method default_source default_tax_rates "
    "description discounts due_date effective_at footer from_invoice issuer metadata number "
    "on_behalf_of payment_settings pending_invoice_items_behavior rendering shipping_cost "
    "shipping_details statement_descriptor subscription transfer_data"
)
INVOICE_PAY = _names("forgive mandate off_session paid_out_of_band payment_method source")
INVOICE_ITEM = _names(
    "amount currency customer customer_account description discountable discounts invoice "
    "metadata period price_data pricing quantity quantity_decimal subscription tax_behavior "
    "tax_code tax_rates unit_amount_decimal"
)
ENDPOINT = _names("api_version connect description disabled enabled_events metadata url")
NONE = _names("")
