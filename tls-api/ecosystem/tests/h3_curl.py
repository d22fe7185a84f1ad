"""Loads pages over HTTP/3 with the libcurl of curl_cffi, which has ngtcp2 and BoringSSL.

Prints each page, or the number of curl's error. The options are the names and values of CURLOPT_*.
"""

import sys
from io import BytesIO

from curl_cffi import Curl, CurlError, CurlHttpVersion, CurlOpt

ca, url, count, *options = sys.argv[1:]
curl = Curl()
port = url.split(":")[2].split("/")[0]
for _ in range(int(count)):
    page = BytesIO()
    curl.setopt(CurlOpt.URL, url.encode())
    curl.setopt(CurlOpt.HTTP_VERSION, CurlHttpVersion.V3ONLY)
    curl.setopt(CurlOpt.CAINFO, ca.encode())
    curl.setopt(CurlOpt.RESOLVE, [f"*:{port}:127.0.0.1".encode()])
    # A new connection each time, with the session of the one before.
    curl.setopt(CurlOpt.FORBID_REUSE, 1)
    curl.setopt(CurlOpt.SSL_ENABLE_TICKET, 1)
    curl.setopt(CurlOpt.WRITEDATA, page)
    for option in options:
        name, value = option.split("=", 1)
        curl.setopt(CurlOpt[name], value.encode())
    try:
        curl.perform()
        print(page.getvalue().decode(), flush=True)
    except CurlError as e:
        print("failed", e.code, e, flush=True)
