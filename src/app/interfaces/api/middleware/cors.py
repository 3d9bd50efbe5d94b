from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response

from src.app.interfaces.api.errors import RequestError, answer


class CORS(CORSMiddleware):
    """Starlette's, with our body where it refuses what a browser asks beforehand."""

    def preflight_response(self, request_headers: Headers) -> Response:
        response = super().preflight_response(request_headers)
        if response.status_code < 400:
            return response
        refused = RequestError(400, "CORS_REFUSED", bytes(response.body).decode())
        refusal = answer({"headers": request_headers.raw}, refused)
        kept = ("access-control-allow-origin", "vary")
        refusal.headers.update({name: response.headers[name] for name in kept if name in response.headers})
        return refusal
