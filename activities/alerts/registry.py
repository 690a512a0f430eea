"""Every channel by its name in `spec.type`, and what its addresses begin with."""

from collections.abc import Mapping
from types import MappingProxyType

from activities.alerts.alertmanager import alertmanager
from activities.alerts.discord import discord
from activities.alerts.gchat import gchat
from activities.alerts.mail import email
from activities.alerts.message import Channel
from activities.alerts.msteams import msteams
from activities.alerts.pagerduty import pagerduty
from activities.alerts.rocket import rocket
from activities.alerts.slack import slack
from activities.alerts.webhook import webhook
from workflows.model import alert

CHANNELS: Mapping[alert.Channel, Channel] = MappingProxyType(
    {
        alert.Channel.SLACK: slack,
        alert.Channel.MSTEAMS: msteams,
        alert.Channel.DISCORD: discord,
        alert.Channel.ROCKET: rocket,
        alert.Channel.GCHAT: gchat,
        alert.Channel.PAGERDUTY: pagerduty,
        alert.Channel.ALERTMANAGER: alertmanager,
        alert.Channel.WEBHOOK: webhook,
        alert.Channel.EMAIL: email,
    }
)
