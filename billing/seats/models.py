"""What a workspace keeps of its seats: places at work, active days, seats that wait for their payment, who asks to be let in, and when the firm chose who stays."""

from __future__ import annotations

from django.db import models

from crm_platform.kernel import clock

# The job that follows where seats have come for which people waited.
ARRIVED = "seats.arrived"


class SeatPlace(models.Model):
    """One of the places of a firm whose people share them: who has it until when. The row numbered 0 is nobody's: who claims a place locks it."""

    number = models.PositiveIntegerField(primary_key=True)
    person = models.BigIntegerField(null=True, unique=True)
    until = models.DateTimeField(null=True)

    class Meta:
        db_table = "seat_place"


class SeatDay(models.Model):
    """A day, by the firm's clock, on which a person with an occasional seat worked."""

    id = models.BigAutoField(primary_key=True)
    person = models.BigIntegerField()
    day = models.DateField()

    class Meta:
        db_table = "seat_day"
        constraints = [models.UniqueConstraint(fields=["day", "person"], name="seat_day_once")]


class PendingSeats(models.Model):
    """Seats that were asked for and whose payment was declined: until then people on them look only. `settled_at`: paid, or given up."""

    operation = models.CharField(max_length=64, primary_key=True)
    count = models.PositiveIntegerField()
    until = models.DateTimeField()
    settled_at = models.DateTimeField(null=True)
    at = models.DateTimeField(default=clock.now)

    class Meta:
        db_table = "seat_pending"


class SeatChoice(models.Model):
    """When the firm chose who keeps a seat, and how many there were: with more than that, those left out come back."""

    id = models.BigAutoField(primary_key=True)
    seats = models.PositiveIntegerField()
    at = models.DateTimeField(default=clock.now)

    class Meta:
        db_table = "seat_choice"


class SeatRequest(models.Model):
    """Somebody who could not come in asked for it. `why`: the days are used up, or there is no seat. `allowed_on`: the day, by the firm's clock, for which an administrator let the person in.

    `state`: waiting, allowed, refused.
    """

    id = models.BigAutoField(primary_key=True)
    person = models.BigIntegerField()
    why = models.CharField(max_length=8)
    state = models.CharField(max_length=8, default="waiting")
    asked_at = models.DateTimeField(default=clock.now)
    answered_at = models.DateTimeField(null=True)
    answered_by = models.CharField(max_length=200, blank=True)
    allowed_on = models.DateField(null=True)

    class Meta:
        db_table = "seat_request"
        constraints = [
            models.UniqueConstraint(fields=["person"], name="seat_request_one_waits", condition=models.Q(state="waiting")),
            models.UniqueConstraint(fields=["person", "allowed_on"], name="seat_request_one_a_day", condition=models.Q(allowed_on__isnull=False)),
        ]
