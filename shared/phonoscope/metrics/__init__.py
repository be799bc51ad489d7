"""What the service counts and measures, for Prometheus: recorded by every process, served by one of each folder."""

from phonoscope.metrics.recorder import Recorder, begin_process, recorder, start_metrics

__all__ = ["Recorder", "begin_process", "recorder", "start_metrics"]
