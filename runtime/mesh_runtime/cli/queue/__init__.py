"""`mesh queue`: put jobs into the queue, look at it, and change what it holds."""

from __future__ import annotations

import typer

from mesh_runtime.cli.queue import bench, change, changes, cron, look, pause, put, stats, watch

app = typer.Typer(
    help="Put jobs into the queue, look at it, and change what it holds.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

app.command("enqueue")(put.enqueue_command)
app.command("stats")(stats.stats_command)
app.command("list")(look.list_command)
app.command("show")(look.show_command)
app.command("types")(look.types_command)
app.command("workers")(look.workers_command)
app.command("watch")(watch.watch_command)
app.command("retry", help=changes.RETRY.help)(change.command_for(changes.RETRY))
app.command("cancel", help=changes.CANCEL.help)(change.cancel_command)
app.command("pause")(pause.pause_command)
app.command("resume")(pause.resume_command)
app.command("redrive", help=changes.REDRIVE.help)(change.command_for(changes.REDRIVE))
app.command("purge", help=changes.PURGE.help)(change.command_for(changes.PURGE))
app.command("bench")(bench.bench_command)
app.add_typer(cron.app, name="cron")
