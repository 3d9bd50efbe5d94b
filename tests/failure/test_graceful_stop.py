"""The API process asked to stop while it works."""

import asyncio
import os
import sys
import time
from collections.abc import Mapping

import httpx2

from src.app.config.settings import ROOT
from src.app.infrastructure.bootstrap import Process
from src.local.ports import free_port
from tests.builders.users import PASSWORD, an_email
from tests.builders.waiting import until_ready


class TestAPI:
    async def test_a_request_in_flight_is_answered(self, process: Process, environment: Mapping[str, str]) -> None:
        port = free_port()
        # A sign-up that takes a second or two, for the signal to come in between.
        variables = {"PATH": os.environ["PATH"], **environment, "BCRYPT_ROUNDS": "14"}
        command = f"-m uvicorn src.app.interfaces.cli.main:app --port {port} --timeout-graceful-shutdown 20"
        api = await asyncio.create_subprocess_exec(
            sys.executable, *command.split(), cwd=ROOT, env=variables, stderr=asyncio.subprocess.DEVNULL
        )
        async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
            try:
                await until_ready(client)
                sign_up = {"email": an_email(), "password": PASSWORD}
                answering = asyncio.create_task(client.post("/api/v1/auth/sign-up/", json=sign_up))
                await asyncio.sleep(0.3)
                assert not answering.done()
                began = time.monotonic()
                api.terminate()

                assert (await answering).status_code == 201
                await api.wait()
                assert time.monotonic() - began < 15
            finally:
                if api.returncode is None:
                    api.kill()
                    await api.wait()
