"""Code that is wrong: mypy and pyright report every line that says so, and no other. It is checked, not run."""

from typing import Any

from geopera import AsyncGeopera, Geopera
from geopera.api.operations import catalog_search
from geopera.models import CatalogSearchInput, CatalogSearchInputs  # noqa: F401 # wrong

client = Geopera()


def misspelt_fields() -> None:
    client.catalog.search({"host_nam": "a"})  # wrong
    found = client.catalog.search({"host_name": "a", "limt": 1, "bbox": [1, 2]})  # mypy alone
    print(found.features)  # wrong: it is no response
    client.catalog.search({"host_name": "a", "query": {"eo:cloud_cover": {"less": 3}}})  # wrong
    client.catalog.search(host_nam="a")  # wrong
    CatalogSearchInput(host_nam="a")  # wrong
    print(CatalogSearchInput(host_name="a").host_nam)  # wrong
    print(client.catalog.search(host_name="a").feature)  # wrong
    print(client.orders.get({"order": "x"})["status"])  # wrong
    for page in client.catalog.search.pages({"host_nam": "a"}):  # wrong
        print(page)
    client.orders.get.wait({"order": "x"})  # wrong
    client.orders.get.wait(order="x")  # wrong
    client.items.create(typ="raster")  # wrong
    client.items.asset.download.download({"item": "a"}, "folder/")  # wrong
    client.items.asset.download.download(item="a", to="folder/")  # wrong
    client.billing.credits.balance.wait()  # wrong
    client.orders.get.preview({"order": "x"})  # wrong
    catalog_search.sync(client=client.client, body={"host_nam": "a"})  # wrong


def missing_fields() -> None:
    client.catalog.search({"limit": 3})  # wrong
    client.catalog.search(limit=3)  # wrong
    CatalogSearchInput(limit=3)  # wrong


def wrong_types() -> None:
    client.catalog.search({"host_name": "a", "limit": "5"})  # wrong
    client.catalog.search({"host_name": "a", "collections": [1]})  # wrong
    client.catalog.search({"host_name": "a", "collections": "sentinel-2-l2a"})  # wrong
    client.catalog.search({"host_name": "a", "query": {"eo:cloud_cover": {"lt": "x"}}})  # wrong
    client.catalog.search(host_name="a", limit="5")  # wrong
    client.orders.get(order_id=5)  # wrong
    CatalogSearchInput(host_name=5)  # wrong
    number: int = client.catalog.search(host_name="a")  # wrong
    print(number)


def unknown_names() -> None:
    client.catalog.serch({"host_name": "a"})  # wrong
    client.catalogue.search({"host_name": "a"})  # wrong
    client.orders.archive.place.pages()  # wrong
    Geopera(tokn="x")  # wrong
    client.with_options(timout=3)  # wrong


async def missing_awaits(geopera: AsyncGeopera) -> Any:
    geopera.catalog.search({"host_name": "a"})  # wrong
    result = geopera.catalog.search({"host_name": "a"})
    print(result.features)  # wrong
    print(geopera.orders.get({"order_id": "x"})["status"])  # wrong
    await geopera.catalog.search({"host_nam": "a"})  # wrong
    geopera.items.asset.download.download(item_id="a", asset_id="b", to="folder/")  # wrong
    await geopera.items.asset.download.download({"item": "a"}, "folder/")  # wrong
    await geopera.orders.get.preview({"order": "x"}).send()  # wrong
    other = await geopera.catalog.search({"host_nam": "a"})  # wrong
    await geopera.catalog.search(host_nam="a")  # wrong
    await geopera.catalog.serch(host_name="a")  # wrong
    for scene in geopera.catalog.search.iter(host_name="a"):  # wrong
        print(scene)
    return other
