"""The gateway's application: its routes, its resources and its errors."""

from __future__ import annotations

import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from anyio import to_thread
from fastapi import FastAPI

from phonoscope import __version__
from phonoscope.audio.probe import warm_up
from phonoscope.catalogue import LiveCatalogue
from phonoscope.db.access.engine import Database
from phonoscope.settings import Settings
from phonoscope.storage import ObjectStore
from phonoscope.waker import Waker
from phonoscope_gateway.artifacts.routes import router as artifacts
from phonoscope_gateway.audit.routes import router as audit
from phonoscope_gateway.audit.settings import recording_settings
from phonoscope_gateway.classifiers.routes import router as classifiers
from phonoscope_gateway.classifiers.serving import router as own_models
from phonoscope_gateway.collections.routes import router as collections
from phonoscope_gateway.compression import Compression
from phonoscope_gateway.docs.routes import add_docs
from phonoscope_gateway.edge.cross_origin import CrossOrigin
from phonoscope_gateway.edge.guard import Guard
from phonoscope_gateway.edge.hosts import host_check
from phonoscope_gateway.edge.tracing import Tracing
from phonoscope_gateway.examples.routes import router as examples
from phonoscope_gateway.health.routes import router as health
from phonoscope_gateway.jobs.routes import router as jobs
from phonoscope_gateway.keys.routes import router as keys
from phonoscope_gateway.labels.routes import router as labels
from phonoscope_gateway.library.routes import router as library
from phonoscope_gateway.listener import JobListener
from phonoscope_gateway.models.routes import router as models
from phonoscope_gateway.pictures.routes import router as pictures
from phonoscope_gateway.pictures.tiles import router as tiles
from phonoscope_gateway.problems import ALWAYS, add_problem_handlers
from phonoscope_gateway.queues.routes import router as queues
from phonoscope_gateway.results.routes import router as results
from phonoscope_gateway.search.routes import router as search
from phonoscope_gateway.sessions.routes import router as sessions
from phonoscope_gateway.shares.routes import router as shares
from phonoscope_gateway.spaces.routes import of_tracks as vectors
from phonoscope_gateway.spaces.routes import router as spaces
from phonoscope_gateway.state import State
from phonoscope_gateway.stems.routes import router as stems
from phonoscope_gateway.tracks.routes import router as tracks
from phonoscope_gateway.uploads.routes import router as uploads
from phonoscope_gateway.uploads.tus import router as tus
from phonoscope_gateway.usage.routes import router as usage
from phonoscope_gateway.web.routes import add_page
from phonoscope_gateway.webhooks.events import events
from phonoscope_gateway.webhooks.routes import router as webhooks

_POOL_SIZE = 10


def create_app(settings: Settings, listening: str | None = None) -> FastAPI:
    """Makes the gateway for these settings. It connects to nothing before it starts; services may come up later.

    Args:
        listening: the address that it will listen on, which decides what host names it answers to by default.
    """
    database_url = settings.database_url.get_secret_value()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        database = Database(database_url, pool_size=_POOL_SIZE)
        await to_thread.run_sync(warm_up)
        state = app.state.phonoscope = State(
            settings=settings,
            database=database,
            store=ObjectStore(settings),
            waker=Waker(settings.broker_url.get_secret_value()),
            models=LiveCatalogue(settings.more_models_dir, settings.models_dir),
            listener=JobListener(database_url),
        )
        state.words.warm_up_in_background()
        # What is loaded now stays: the garbage collector need not scan it during a request.
        gc.freeze()
        async with state.listener.listening(), state.streams.renewing(), recording_settings(state):
            yield
        await state.limiter.close()
        state.threads.shutdown()
        database.close()

    app = FastAPI(
        title="Phonoscope",
        version=__version__,
        summary="Listens to audio and shows its work",
        description="`HEAD` is answered wherever `GET` is, with the same status and headers.",
        lifespan=lifespan,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        responses=ALWAYS,
        webhooks=events,
        generate_unique_id_function=lambda route: route.name,
        # Its own would record paths and queries, which hold keys and names.
        telemetry={"tracing": False, "metrics": False, "logs": False, "auto_configure": False},
    )
    app.add_middleware(Compression)
    app.add_middleware(
        Guard,
        max_upload_bytes=settings.max_upload_bytes,
        max_requests_per_owner=settings.max_requests_per_owner,
        check_host=host_check(settings.allowed_hosts, listening),
        cross_origin=CrossOrigin.parse(settings.cors_origins),
        root_path=settings.root_path,
    )
    if settings.otlp_endpoint:
        app.add_middleware(Tracing)
    add_problem_handlers(app)
    for router in (
        tracks,
        shares,
        labels,
        results,
        pictures,
        tiles,
        spaces,
        stems,
        vectors,
        jobs,
        search,
        library,
        collections,
        examples,
        tus,
        uploads,
        artifacts,
        models,
        classifiers,
        own_models,
        queues,
        webhooks,
        keys,
        sessions,
        usage,
        audit,
        health,
    ):
        app.include_router(router)
    add_docs(app, settings.root_path)
    add_page(app, objects_at=settings.s3_public_endpoint_url, root_path=settings.root_path)
    return app
