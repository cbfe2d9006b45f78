from django.urls import path

from payments.views import webhook

urlpatterns = [path("webhook/", webhook, name="stripe-webhook")]
