"""Active health checks: probes, when they run, and what their results make of a server."""

from tenbin.health.result import CheckResult, CheckStatus, Result
from tenbin.health.scheduler import Checker
from tenbin.health.target import CheckedServer, CheckView, HealthChange, Target

__all__ = ["CheckResult", "CheckStatus", "CheckView", "CheckedServer", "Checker", "HealthChange", "Result", "Target"]
